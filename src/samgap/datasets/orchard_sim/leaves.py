"""Leaves and flowers of the drawn orchard, as sprites."""

import math
from dataclasses import dataclass

import numpy as np

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
    """Something to paste: `alpha` float32 (h, w), 0 to 1, and `colour` float32 (h, w, 3), 0 to 255."""

    alpha: Array
    colour: Array
    blemish_mask: Array | None = None  # bool (h, w): where a fruit's damage or disease shows


def draw_leaf(rng: np.random.Generator, length_px: float, light: Light, colour: Array) -> Sprite:
    """A leaf of `length` px from base to tip, turned at random, with midrib, side veins, a fold and a sheen."""
    half = length_px / 2
    reach = int(half) + 2
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    turn = rng.uniform(0, 2 * math.pi)
    cosine, sine = np.float32(math.cos(turn)), np.float32(math.sin(turn))
    along = (columns * cosine + rows * sine) / np.float32(half)
    across = (rows * cosine - columns * sine) / np.float32(half)
    across = across + np.float32(rng.uniform(-0.22, 0.22)) * (1 - along * along)  # bent
    width = rng.uniform(0.42, 0.72) * rng.choice([1.0, 1.0, 1.0, 0.55])  # some are seen from the side
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
    painted = np.broadcast_to(colour, (*shade.shape, 3)) * shade[..., None]
    if light.name in ("sun", "dusk") and rng.random() < 0.5:
        off, up = share - np.float32(rng.uniform(-0.6, 0.6)), along - np.float32(rng.uniform(-0.4, 0.4))
        sheen = quadratic_falloff((off**2 + up**2) * 3)
        painted = painted + np.float32(rng.uniform(25, 75)) * sheen[..., None]
    if rng.random() < 0.18:  # an old leaf: yellow or brown towards its rim
        old = np.clip(np.abs(share) * 1.4 - 0.6 + smooth_noise(rng, 4, len(rows)), 0, 1)
        painted = blend(painted, sample_colour(rng, (120, 95, 30), (190, 170, 60)), old * 0.8)
    return Sprite(alpha, painted)


def draw_flower(rng: np.random.Generator, radius_px: float) -> Sprite:
    """Five petals, white to pink, round a yellow middle; `radius` px."""
    reach = int(radius_px) + 2
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32) / np.float32(radius_px)
    petal = sample_colour(rng, (235, 195, 215), (255, 245, 252))
    alpha = np.zeros(rows.shape, np.float32)
    shade = np.ones(rows.shape, np.float32)
    turn = rng.uniform(0, 2 * math.pi)
    for number in range(5):
        angle = turn + number * 2 * math.pi / 5
        cosine, sine = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        along, across = columns * cosine + rows * sine - np.float32(0.55), rows * cosine - columns * sine
        inside = 1 - (along / np.float32(0.45)) ** 2 - (across / np.float32(0.36)) ** 2
        here = np.clip(inside * np.float32(radius_px) * 0.22 + 0.5, 0, 1)
        shade = np.where(
            here > 0.5, 1 - 0.18 * quadratic_falloff(np.abs(across) * 6) - np.float32(0.03 * number), shade
        )
        alpha = np.maximum(alpha, here)
    middle = np.sqrt(columns * columns + rows * rows)
    alpha = np.maximum(alpha, np.clip((0.3 - middle) * np.float32(radius_px) + 0.5, 0, 1))
    colour = petal * shade[..., None]
    return Sprite(alpha, blend(colour, np.array([225, 190, 60], np.float32), quadratic_falloff(middle * 3)))


def sample_foliage_colour(rng: np.random.Generator) -> Array:
    """The green of a tree's leaves."""
    return sample_colour(rng, (62, 96, 34), (132, 160, 72))
