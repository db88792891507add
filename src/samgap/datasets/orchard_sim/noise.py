"""Building blocks of the simulated orchard: noise, waves, colours and light.

Array code uses only +, -, *, / and square roots, and tables that are interpolated linearly. All x86-64 processors round
these equally, unlike vectorised sines and exponentials, so a seed gives the same bytes on every x86-64 processor.
"""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

Array = np.ndarray

LIGHT_NAMES = ("sun", "shade", "overcast", "dusk")


def smooth_noise(
    rng: np.random.Generator, n_cells: int | tuple[int, int], width_px: int, height_px: int | None = None
) -> Array:
    """Return smooth noise, float32, (height, width), about -0.5 to 0.5.

    Args:
        rng: Random generator.
        n_cells: Number of random values that are interpolated, horizontally and vertically.
        width_px: Width.
        height_px: Height; by default the width.
    """
    n_columns, n_rows = (n_cells, n_cells) if isinstance(n_cells, int) else n_cells
    coarse = Image.fromarray((rng.random((n_rows, n_columns)) * 255).astype(np.uint8))
    fine = coarse.resize((width_px, height_px or width_px), Image.Resampling.BICUBIC)
    return np.asarray(fine, np.float32) / 255 - 0.5


def quadratic_falloff(t: Array) -> Array:
    """Return (1 - t)^2 for t below 1, else 0."""
    remainder = np.maximum(1 - t, 0)
    return remainder * remainder


def triangle_wave(t: Array) -> Array:
    """Return a triangle wave of period 1, from 0 to 1."""
    return np.abs((t - np.floor(t)) * 2 - 1)


def sample_colour(rng: np.random.Generator, low: tuple[int, int, int], high: tuple[int, int, int]) -> Array:
    """Sample a colour between two, float32, (3,); the channels are correlated, which preserves the hue."""
    start, end = np.array(low), np.array(high)
    return (start + (end - start) * (rng.random() + rng.uniform(-0.12, 0.12, 3))).astype(np.float32)


def blend(base: Array, overlay: Array, alpha: Array) -> Array:
    """Blend `overlay`, (height, width, 3) or (3,), over `base`, (height, width, 3), with opacity `alpha`."""
    return base + (overlay - base) * alpha[..., None]


def unit_vector(x: float, y: float, z: float) -> Array:
    """Return the vector scaled to length 1, float32, (3,); x is to the right, y down, z towards the camera."""
    length = math.sqrt(x * x + y * y + z * z)
    return np.array([x / length, y / length, z / length], np.float32)


@dataclass
class Light:
    """Lighting of a scene.

    Attributes:
        name: One of `LIGHT_NAMES`.
        direction: Unit vector towards the light, float32, (3,).
        ambient: Strength of the ambient light, as a factor of the colour of a surface.
        diffuse: Strength of the directed light, as a factor of the colour of a surface.
        tint: Colour gain of the whole photograph, float32, (3,).
        sun_fleck_contrast: Contrast of sun flecks, 0 to 1.
        sensor_noise_std: Standard deviation of the sensor noise in grey levels.
    """

    name: str
    direction: Array
    ambient: float
    diffuse: float
    tint: Array
    sun_fleck_contrast: float
    sensor_noise_std: float


def make_light(rng: np.random.Generator, name: str) -> Light:
    """Sample a light of the kind `name`, one of `LIGHT_NAMES`."""
    x, y = rng.uniform(-0.8, 0.8), rng.uniform(-0.95, -0.35)

    def sample_tint(red: float, green: float, blue: float, spread: float = 0.04) -> Array:
        return (np.array([red, green, blue]) + rng.uniform(-spread, spread, 3)).astype(np.float32)

    if name == "sun":
        return Light(
            name, unit_vector(x, y, rng.uniform(0.5, 1.0)), 0.62, 0.72, sample_tint(1.06, 1.02, 0.95), 0.50, 2.5
        )
    if name == "shade":
        return Light(name, unit_vector(x / 2, -1, 0.9), 0.62, 0.40, sample_tint(0.92, 0.97, 1.0), 0.20, 4.0)
    if name == "overcast":
        return Light(name, unit_vector(x / 3, -1, 1.1), 0.74, 0.40, sample_tint(1.0, 1.02, 1.03), 0.10, 3.0)
    if name == "dusk":
        return Light(name, unit_vector(2 * x, -0.25, 0.6), 0.42, 0.45, sample_tint(0.95, 0.74, 0.64), 0.35, 7.0)
    raise ValueError(f"unknown light {name!r}; one of {LIGHT_NAMES}")
