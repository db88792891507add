"""Draw the leaves and flowers of the simulated orchard as sprites."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from samgap.datasets.orchard_sim.noise import (
    Array,
    Light,
    blend,
    quadratic_falloff,
    sample_colour,
    smooth_noise,
    triangle_wave,
)


@dataclass
class Sprite:
    """An image with transparency.

    Attributes:
        alpha: Opacity, float32, (height, width), 0 to 1.
        colour: RGB, float32, (height, width, 3), 0 to 255.
        blemish_mask: Bool, (height, width): pixels with the damage or disease of a fruit; None without any.
    """

    alpha: Array
    colour: Array
    blemish_mask: Array | None = None


def draw_leaf(rng: np.random.Generator, length_px: float, light: Light, colour: Array) -> Sprite:
    """Draw a leaf of `length_px` from base to tip in a random direction, with midrib, veins, a fold and a highlight."""
    half = length_px / 2
    reach = int(half) + 2
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    rotation = rng.uniform(0, 2 * math.pi)
    cosine, sine = np.float32(math.cos(rotation)), np.float32(math.sin(rotation))
    along = (columns * cosine + rows * sine) / np.float32(half)
    across = (rows * cosine - columns * sine) / np.float32(half)
    across = across + np.float32(rng.uniform(-0.22, 0.22)) * (1 - along * along)  # bent
    width = rng.uniform(0.42, 0.72) * rng.choice([1.0, 1.0, 1.0, 0.55])  # some leaves are turned away from the camera
    outline = np.float32(width) * (1 - along * along) * (1 + np.float32(0.3) * along)
    serrated = outline * (1 - 0.05 * triangle_wave(along * np.float32(9)))
    side = np.abs(across)
    alpha = np.clip((serrated - side) * np.float32(half) + 0.5, 0, 1)
    alpha[np.abs(along) >= 1] = 0
    share = across / np.maximum(outline, np.float32(0.02))
    fold = np.float32(rng.uniform(0.05, 0.24) * rng.choice([-1, 1]))
    shade = 1 + fold * np.sign(across) * np.minimum(np.abs(share) + 0.3, 1) + np.float32(rng.uniform(-0.2, 0.2)) * along
    veins = (triangle_wave(along * np.float32(3.2) - side * np.float32(2.4)) < 0.14) & (np.abs(share) < 0.85)
    shade = shade * (1 + 0.10 * veins) * (1 + 0.30 * (side < 0.045))
    shade = shade * (1 + 0.25 * smooth_noise(rng, 5, len(rows)))
    colours = np.broadcast_to(colour, (*shade.shape, 3)) * shade[..., None]
    if light.name in ("sun", "dusk") and rng.random() < 0.5:
        across_offset, along_offset = (
            share - np.float32(rng.uniform(-0.6, 0.6)),
            along - np.float32(rng.uniform(-0.4, 0.4)),
        )
        highlight = quadratic_falloff((across_offset**2 + along_offset**2) * 3)
        colours = colours + np.float32(rng.uniform(25, 75)) * highlight[..., None]
    if rng.random() < 0.18:  # an old leaf: yellow or brown towards the edge
        age = np.clip(np.abs(share) * 1.4 - 0.6 + smooth_noise(rng, 4, len(rows)), 0, 1)
        colours = blend(colours, sample_colour(rng, (120, 95, 30), (190, 170, 60)), age * 0.8)
    return Sprite(alpha, colours)


def draw_flower(rng: np.random.Generator, radius_px: float) -> Sprite:
    """Draw a flower with five white to pink petals and a yellow centre."""
    reach = int(radius_px) + 2
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32) / np.float32(radius_px)
    petal_colour = sample_colour(rng, (235, 195, 215), (255, 245, 252))
    alpha = np.zeros(rows.shape, np.float32)
    shade = np.ones(rows.shape, np.float32)
    rotation = rng.uniform(0, 2 * math.pi)
    for number in range(5):
        angle = rotation + number * 2 * math.pi / 5
        cosine, sine = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        along, across = columns * cosine + rows * sine - np.float32(0.55), rows * cosine - columns * sine
        inside = 1 - (along / np.float32(0.45)) ** 2 - (across / np.float32(0.36)) ** 2
        petal_alpha = np.clip(inside * np.float32(radius_px) * 0.22 + 0.5, 0, 1)
        shade = np.where(
            petal_alpha > 0.5, 1 - 0.18 * quadratic_falloff(np.abs(across) * 6) - np.float32(0.03 * number), shade
        )
        alpha = np.maximum(alpha, petal_alpha)
    centre_distance = np.sqrt(columns * columns + rows * rows)
    alpha = np.maximum(alpha, np.clip((0.3 - centre_distance) * np.float32(radius_px) + 0.5, 0, 1))
    colour = petal_colour * shade[..., None]
    return Sprite(alpha, blend(colour, np.array([225, 190, 60], np.float32), quadratic_falloff(centre_distance * 3)))


def sample_foliage_colour(rng: np.random.Generator) -> Array:
    """Sample the green of the leaves of a tree, float32, (3,)."""
    return sample_colour(rng, (62, 96, 34), (132, 160, 72))


def defocus(sprite: Sprite) -> Sprite:
    """Blur a sprite by resizing it to an eighth and back."""
    height, width = sprite.alpha.shape
    small_size = (max(width // 8, 2), max(height // 8, 2))

    def blur(values: Array) -> Array:
        image = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
        small = image.resize(small_size, Image.Resampling.BOX)
        return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), np.float32)

    clipped_alpha = np.clip(sprite.alpha, 0.05, 1)
    weight = np.maximum(blur(clipped_alpha * 255) / 255, 0.1)
    colour = blur(sprite.colour * sprite.alpha[..., None]) / weight[..., None]
    return Sprite(blur(sprite.alpha * 255) / 255, colour)
