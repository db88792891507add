"""Branches of the simulated orchard: curves with twigs, and their sprite."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from samgap.datasets.orchard_sim.leaves import Sprite
from samgap.datasets.orchard_sim.noise import Array, Light, sample_colour, smooth_noise


def make_branches(rng: np.random.Generator, canvas_width_px: int, side_px: int, diameter_px: float) -> list[Array]:
    """Return branches and their twigs as polylines, float, (17, 2), columns x and y in px.

    Args:
        rng: Random generator.
        canvas_width_px: Width of the scene.
        side_px: Height of the scene.
        diameter_px: Diameter of the fruit, which scales the twigs.
    """
    branches = []
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.6:
            start, end = (
                (rng.uniform(0, canvas_width_px), side_px * 1.05),
                (rng.uniform(0, canvas_width_px), -0.05 * side_px),
            )
        else:
            start, end = (
                (-0.05 * canvas_width_px, rng.uniform(0, side_px)),
                (1.05 * canvas_width_px, rng.uniform(0, side_px)),
            )
        branches.append(_make_curve(rng, start, end))
        for _ in range(rng.integers(1, 5)):
            root = branches[-1][rng.integers(2, 14)]
            angle, length = rng.uniform(0, 2 * math.pi), diameter_px * rng.uniform(1.5, 4)
            tip = root[0] + length * math.cos(angle), root[1] + length * math.sin(angle)
            branches.append(_make_curve(rng, tuple(root), tip))
    return branches


def _make_curve(rng: np.random.Generator, start: Sequence[float], end: Sequence[float]) -> Array:
    """Return a quadratic Bézier curve from `start` to `end` (x, y in px), float, (17, 2)."""
    t = np.linspace(0, 1, 17)[:, None]
    first, last = np.array(start), np.array(end)
    middle = (first + last) / 2 + rng.normal(0, 0.16, 2) * math.hypot(*(last - first))
    return (1 - t) ** 2 * first + 2 * t * (1 - t) * middle + t**2 * last


def draw_branches(
    rng: np.random.Generator,
    branches: list[Array],
    canvas_width_px: int,
    side_px: int,
    diameter_px: float,
    light: Light,
) -> Sprite:
    """Draw all branches as one sprite of the size of the scene; the side towards the light is brighter."""
    alpha = Image.new("L", (canvas_width_px, side_px))
    shade = Image.new("L", (canvas_width_px, side_px), 60)
    draw_alpha, draw_shade = ImageDraw.Draw(alpha), ImageDraw.Draw(shade)
    for branch in branches:
        is_thick = _chord_length_px(branch) > 5 * diameter_px
        thickness = diameter_px * rng.uniform(*((0.12, 0.45) if is_thick else (0.05, 0.13)))
        for index in range(len(branch) - 1):
            width = max(thickness * (1 - 0.6 * index / len(branch)), 1.5)
            line = [tuple(branch[index]), tuple(branch[index + 1])]
            draw_alpha.line(line, fill=255, width=round(width))
            for width_fraction, grey in ((1.0, 95), (0.7, 130), (0.4, 165)):
                offset = width * 0.18 * (1 - width_fraction)
                right, down = float(light.direction[0]) * offset, float(light.direction[1]) * offset
                shifted = [(x + right, y + down) for x, y in line]
                draw_shade.line(shifted, fill=grey, width=max(round(width * width_fraction), 1))
    bark = sample_colour(rng, (78, 56, 40), (150, 122, 98))
    texture = (
        np.asarray(shade, np.float32)
        / 128
        * (1 + 0.5 * smooth_noise(rng, max(side_px // 5, 4), canvas_width_px, side_px))
    )
    colour = bark * (texture * np.float32(light.ambient + 0.6 * light.diffuse))[..., None]
    return Sprite(np.asarray(alpha, np.float32) / 255, colour)


def _chord_length_px(branch: Array) -> float:
    return float(math.hypot(*(branch[-1] - branch[0])))
