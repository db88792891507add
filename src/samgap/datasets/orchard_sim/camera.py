"""Turn a rendered view into a photograph: sun flecks, exposure, blur, sensor noise, JPEG."""

import io

import numpy as np
from PIL import Image, ImageFilter

from samgap.datasets.orchard_sim.noise import Array, Light, smooth_noise


class Camera:
    """A camera with random exposure, focus and compression, which are the same for all its photographs.

    Args:
        rng: Random generator.
        light: Lighting of the scene.
        side_px: Side of the square photograph.
        margin_px: Width of the scene to the left and to the right of the view.
    """

    def __init__(self, rng: np.random.Generator, light: Light, side_px: int, margin_px: int = 0) -> None:
        width = side_px + 2 * margin_px
        flecks = 1.2 * smooth_noise(rng, (5 * width // side_px, 5), width, side_px)
        flecks = flecks + 0.9 * smooth_noise(rng, (13 * width // side_px, 13), width, side_px)
        self.sun_fleck_gain = 1 + np.float32(light.sun_fleck_contrast) * np.clip(flecks * 1.6, -0.75, 0.55)
        self.margin_px, self.side_px = margin_px, side_px
        self.colour_gain = light.tint * np.float32(rng.uniform(0.88, 1.14))
        self.blur_radius_px = float(rng.choice([0.3, 0.6, 0.9, 1.4], p=[0.3, 0.4, 0.2, 0.1])) * side_px / 512
        self.noise_std = light.sensor_noise_std * rng.uniform(0.6, 1.8)
        self.jpeg_quality = int(rng.integers(80, 96))

    def capture(self, rng: np.random.Generator, pixels: Array, shift_px: float = 0.0) -> bytes:
        """Return the photograph as JPEG.

        Args:
            rng: Random generator of the sensor noise.
            pixels: Rendered view, float32, (side, side, 3), 0 to 255.
            shift_px: Position of the camera to the right of the middle of the scene.
        """
        start = self.margin_px + int(0.9 * shift_px)
        gain = self.sun_fleck_gain[:, start : start + self.side_px, None] * self.colour_gain
        sharp = Image.fromarray(np.clip(pixels * gain, 0, 255).astype(np.uint8))
        blurred = np.asarray(sharp.filter(ImageFilter.GaussianBlur(self.blur_radius_px)), np.float32)
        noise = rng.standard_normal(blurred.shape, np.float32) * np.float32(self.noise_std)
        stream = io.BytesIO()
        Image.fromarray(np.clip(blurred + noise, 0, 255).astype(np.uint8)).save(
            stream, "jpeg", quality=self.jpeg_quality
        )
        return stream.getvalue()
