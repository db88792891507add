"""Render the out-of-focus background of the simulated orchard: sky, trees, grass, trunks, posts and wires."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from samgap.datasets.orchard_sim.leaves import Sprite, draw_leaf, sample_foliage_colour
from samgap.datasets.orchard_sim.noise import Array, Light, blend, sample_colour, smooth_noise


def render_background(rng: np.random.Generator, width_px: int, height_px: int, light: Light) -> Array:
    """Return the background, float32, (height, width, 3), 0 to 255; it is rendered at half size and blurred."""
    width, height = (width_px + 1) // 2, (height_px + 1) // 2
    image = _draw_sky(rng, width, height, light)
    # Fraction of the height that is sky: trees only, trees and sky, or sky only.
    skyline = rng.choice([-0.2, rng.uniform(0.1, 0.9), 1.3], p=[0.45, 0.35, 0.2])
    if skyline < 1:
        edge = skyline + 0.25 * smooth_noise(rng, (7, 1), width, 1)[0] + 0.12 * smooth_noise(rng, (31, 1), width, 1)[0]
        below = np.arange(height, dtype=np.float32)[:, None] / height > edge[None]
        image = blend(image, _draw_canopy(rng, width, height), below.astype(np.float32))
    if rng.random() < 0.4:
        horizon = int(height * rng.uniform(0.55, 0.95))
        image[horizon:] = _draw_grass(rng, width, height - horizon)
    blurred = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    _draw_posts(rng, ImageDraw.Draw(blurred), width, height)
    blurred = blurred.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 2.6) * height / 256))
    return np.asarray(blurred.resize((width_px, height_px), Image.Resampling.BILINEAR), np.float32)


def _draw_sky(rng: np.random.Generator, width_px: int, height_px: int, light: Light) -> Array:
    if light.name == "overcast" or (light.name == "shade" and rng.random() < 0.5):
        top, bottom = (
            sample_colour(rng, (195, 202, 212), (235, 238, 242)),
            sample_colour(rng, (225, 228, 232), (252, 252, 252)),
        )
    elif light.name == "dusk":
        top, bottom = (
            sample_colour(rng, (90, 90, 140), (140, 130, 170)),
            sample_colour(rng, (225, 150, 100), (250, 190, 130)),
        )
    else:
        top, bottom = (
            sample_colour(rng, (45, 110, 195), (110, 165, 230)),
            sample_colour(rng, (140, 190, 235), (200, 222, 245)),
        )
    ramp = np.linspace(0, 1, height_px, dtype=np.float32)[:, None] + np.zeros((1, width_px), np.float32)
    sky = blend(np.broadcast_to(top, (height_px, width_px, 3)), bottom, ramp)
    clouds = np.clip(
        smooth_noise(rng, (4, 6), width_px, height_px) * 2.2 + smooth_noise(rng, (11, 17), width_px, height_px) - 0.25,
        0,
        1,
    )
    return blend(sky, np.array([248, 248, 250], np.float32), clouds * np.float32(rng.uniform(0, 0.9)))


def _draw_canopy(rng: np.random.Generator, width_px: int, height_px: int) -> Array:
    """Draw trees in the distance: dark gaps, brighter and darker clumps, and small leaves."""
    green = sample_foliage_colour(rng) * np.float32(rng.uniform(0.7, 1.0))
    shade = 0.75 + 0.7 * smooth_noise(rng, 5, width_px, height_px) + 0.75 * smooth_noise(rng, 24, width_px, height_px)
    shade = shade + 0.5 * smooth_noise(rng, 70, width_px, height_px)
    image = green * np.clip(shade, 0.10, 1.7)[..., None]
    flat_light = Light("overcast", np.array([0, -1, 0], np.float32), 1, 0, np.ones(3, np.float32), 0, 0)
    leaves = [draw_leaf(rng, rng.uniform(8, 18) * height_px / 256, flat_light, green) for _ in range(8)]
    for _ in range(170):
        paste_sprite(
            image,
            leaves[rng.integers(len(leaves))],
            rng.uniform(0, width_px),
            rng.uniform(0, height_px),
            rng.uniform(0.5, 1.5),
        )
    return image


def _draw_grass(rng: np.random.Generator, width_px: int, height_px: int) -> Array:
    green = sample_colour(rng, (75, 105, 35), (150, 165, 85))
    streaks = smooth_noise(rng, (max(width_px // 3, 2), 6), width_px, height_px) + 0.8 * smooth_noise(
        rng, (14, 9), width_px, height_px
    )
    return green * np.clip(0.9 + 0.6 * streaks, 0.3, 1.5)[..., None]


def _draw_posts(rng: np.random.Generator, draw: ImageDraw.ImageDraw, width_px: int, height_px: int) -> None:
    for _ in range(rng.integers(0, 3)):  # trunks and posts
        x, half = rng.uniform(0, width_px), rng.uniform(0.008, 0.035) * width_px
        grey = sample_colour(rng, (85, 68, 52), (190, 184, 172))
        lean = rng.normal(0, 0.03) * width_px
        for step in range(4):  # brighter towards the axis
            half_width = half * (1 - step / 4)
            colour = tuple(int(value * (0.75 + 0.1 * step)) for value in grey)
            draw.polygon(
                [
                    (x - half_width, 0),
                    (x + half_width, 0),
                    (x + half_width + lean, height_px),
                    (x - half_width + lean, height_px),
                ],
                fill=colour,
            )
    for _ in range(rng.integers(0, 3)):  # wires
        y = rng.uniform(0, height_px)
        draw.line([(0, y), (width_px, y + rng.normal(0, 0.02) * height_px)], fill=(150, 150, 150), width=1)


def paste_sprite(
    image: Array,
    sprite: Sprite,
    x: float,
    y: float,
    brightness: float = 1.0,
    id_map_and_id: tuple[Array, int] | None = None,
) -> None:
    """Paste a sprite into an image, which is modified.

    Args:
        image: Float32, (height, width, 3).
        sprite: The sprite; parts outside the image are cut off.
        x: Column of the centre of the sprite in px.
        y: Row of the centre of the sprite in px.
        brightness: Factor of the colours of the sprite.
        id_map_and_id: An array, (height, width), that is set to the number where the sprite covers more than half of a
            pixel.
    """
    height, width = sprite.alpha.shape
    top, left = math.floor(y) - height // 2, math.floor(x) - width // 2
    rows = slice(max(top, 0), min(top + height, image.shape[0]))
    columns = slice(max(left, 0), min(left + width, image.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    inner = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    alpha = sprite.alpha[inner]
    target = image[rows, columns]
    target += (sprite.colour[inner] * np.float32(brightness) - target) * alpha[..., None]
    if id_map_and_id is not None:
        id_map_and_id[0][rows, columns][alpha > 0.5] = id_map_and_id[1]
