"""Building blocks of the drawn orchard: noise, soft bumps, light.

On arrays only +, -, *, / and square roots are used, and tables read by linear interpolation: those are rounded the
same way by every x86-64 processor, where vectorised sines and exponentials are not. So a seed gives the same bytes.
"""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

Array = np.ndarray


def smooth_noise(
    rng: np.random.Generator, n_cells: int | tuple[int, int], width_px: int, height_px: int | None = None
) -> Array:
    """Smooth noise, float32 (height, width), about -0.5 to 0.5, with `cells` (across, down) bumps."""
    across, down = (n_cells, n_cells) if isinstance(n_cells, int) else n_cells
    coarse = Image.fromarray((rng.random((down, across)) * 255).astype(np.uint8))
    fine = coarse.resize((width_px, height_px or width_px), Image.Resampling.BICUBIC)
    return np.asarray(fine, np.float32) / 255 - 0.5


def quadratic_falloff(t: Array) -> Array:
    """1 at t = 0, falling smoothly to 0 at t = 1 and beyond (t >= 0)."""
    rest = np.maximum(1 - t, 0)
    return rest * rest


def triangle_wave(t: Array) -> Array:
    """A triangle wave of period 1, 0 to 1."""
    return np.abs((t - np.floor(t)) * 2 - 1)


def sample_colour(rng: np.random.Generator, low: tuple[int, int, int], high: tuple[int, int, int]) -> Array:
    """A colour between two, float32 (3,); the channels go together, or browns would turn purple."""
    start, end = np.array(low), np.array(high)
    return (start + (end - start) * (rng.random() + rng.uniform(-0.12, 0.12, 3))).astype(np.float32)


def blend(base: Array, overlay: Array, alpha: Array) -> Array:
    """`under` (h, w, 3) with `share` (h, w) of `over` (h, w, 3) or (3,)."""
    return base + (overlay - base) * alpha[..., None]


def unit_vector(x: float, y: float, z: float) -> Array:
    """The direction (x, y, z) at length 1, float32; x to the right, y down, z towards the viewer."""
    length = math.sqrt(x * x + y * y + z * z)
    return np.array([x / length, y / length, z / length], np.float32)


@dataclass
class Light:
    """How a scene is lit. `direction` points to the light; strengths are shares of a surface's own colour."""

    name: str
    direction: Array
    ambient: float
    diffuse: float
    tint: Array  # of the whole photograph, float32 (3,)
    sun_fleck_contrast: float  # of sun flecks, 0 to 1
    sensor_noise_std: float  # sensor noise, grey levels


def make_light(rng: np.random.Generator, name: str) -> Light:
    """The light called `name` (sun, shade, overcast, dusk), with its chances."""
    x, y = rng.uniform(-0.8, 0.8), rng.uniform(-0.95, -0.35)

    def tinted(red: float, green: float, blue: float, spread: float = 0.04) -> Array:
        return (np.array([red, green, blue]) + rng.uniform(-spread, spread, 3)).astype(np.float32)

    if name == "sun":
        return Light(name, unit_vector(x, y, rng.uniform(0.5, 1.0)), 0.62, 0.72, tinted(1.06, 1.02, 0.95), 0.50, 2.5)
    if name == "shade":
        return Light(name, unit_vector(x / 2, -1, 0.9), 0.62, 0.40, tinted(0.92, 0.97, 1.0), 0.20, 4.0)
    if name == "overcast":
        return Light(name, unit_vector(x / 3, -1, 1.1), 0.74, 0.40, tinted(1.0, 1.02, 1.03), 0.10, 3.0)
    if name == "dusk":
        return Light(name, unit_vector(2 * x, -0.25, 0.6), 0.42, 0.45, tinted(0.95, 0.74, 0.64), 0.35, 7.0)
    raise ValueError(name)


LIGHT_NAMES = ("sun", "shade", "overcast", "dusk")
