"""From a painted view to a photograph: flecks of sun, exposure, blur, sensor noise, JPEG."""

import io

import numpy as np
from PIL import Image, ImageFilter

from samgap.datasets.orchard.noise import Array, Light, smooth


class Camera:
    """One camera: exposure, focus and compression are drawn once, noise for every photograph."""

    def __init__(self, rng: np.random.Generator, light: Light, side: int, margin: int = 0) -> None:
        wide = side + 2 * margin
        flecks = 1.2 * smooth(rng, (5 * wide // side, 5), wide, side)
        flecks = flecks + 0.9 * smooth(rng, (13 * wide // side, 13), wide, side)
        self.flecks = 1 + np.float32(light.contrast) * np.clip(flecks * 1.6, -0.75, 0.55)
        self.margin, self.side = margin, side
        self.gain = light.tint * np.float32(rng.uniform(0.88, 1.14))
        self.blur = float(rng.choice([0.3, 0.6, 0.9, 1.4], p=[0.3, 0.4, 0.2, 0.1])) * side / 512
        self.noise = light.noise * rng.uniform(0.6, 1.8)
        self.quality = int(rng.integers(80, 96))

    def photograph(self, rng: np.random.Generator, pixels: Array, shift: float = 0.0) -> bytes:
        """JPEG bytes of `pixels` float32 (side, side, 3), seen from `shift` px to the right of the middle."""
        start = self.margin + int(0.9 * shift)
        light = self.flecks[:, start : start + self.side, None] * self.gain
        sharp = Image.fromarray(np.clip(pixels * light, 0, 255).astype(np.uint8))
        soft = np.asarray(sharp.filter(ImageFilter.GaussianBlur(self.blur)), np.float32)
        grain = rng.standard_normal(soft.shape, np.float32) * np.float32(self.noise)
        data = io.BytesIO()
        Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8)).save(data, "jpeg", quality=self.quality)
        return data.getvalue()
