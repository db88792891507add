"""From a painted view to a photograph: flecks of sun, exposure, blur, sensor noise, JPEG."""

import io

import numpy as np
from PIL import Image, ImageFilter

from samgap.datasets.orchard_sim.noise import Array, Light, smooth_noise


class Camera:
    """One camera: exposure, focus and compression are drawn once, noise for every photograph."""

    def __init__(self, rng: np.random.Generator, light: Light, side_px: int, margin_px: int = 0) -> None:
        wide = side_px + 2 * margin_px
        flecks = 1.2 * smooth_noise(rng, (5 * wide // side_px, 5), wide, side_px)
        flecks = flecks + 0.9 * smooth_noise(rng, (13 * wide // side_px, 13), wide, side_px)
        self.sun_fleck_gain = 1 + np.float32(light.sun_fleck_contrast) * np.clip(flecks * 1.6, -0.75, 0.55)
        self.margin_px, self.side_px = margin_px, side_px
        self.colour_gain = light.tint * np.float32(rng.uniform(0.88, 1.14))
        self.blur_radius_px = float(rng.choice([0.3, 0.6, 0.9, 1.4], p=[0.3, 0.4, 0.2, 0.1])) * side_px / 512
        self.noise_std = light.sensor_noise_std * rng.uniform(0.6, 1.8)
        self.jpeg_quality = int(rng.integers(80, 96))

    def capture(self, rng: np.random.Generator, pixels: Array, shift_px: float = 0.0) -> bytes:
        """JPEG bytes of `pixels` float32 (side, side, 3), seen from `shift` px to the right of the middle."""
        start = self.margin_px + int(0.9 * shift_px)
        light = self.sun_fleck_gain[:, start : start + self.side_px, None] * self.colour_gain
        sharp = Image.fromarray(np.clip(pixels * light, 0, 255).astype(np.uint8))
        soft = np.asarray(sharp.filter(ImageFilter.GaussianBlur(self.blur_radius_px)), np.float32)
        grain = rng.standard_normal(soft.shape, np.float32) * np.float32(self.noise_std)
        data = io.BytesIO()
        Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8)).save(data, "jpeg", quality=self.jpeg_quality)
        return data.getvalue()
