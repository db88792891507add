"""A view of a drawn orchard: painted from far to near, with what is seen at every pixel, and how it moves.

Each sprite is shifted by the camera's motion times its nearness, in whole pixels, so the optical flow is exact.
A photograph is a view without motion.
"""

import math
from dataclasses import dataclass

import numpy as np

from samgap.datasets.orchard.background import paste
from samgap.datasets.orchard.noise import Array, Light
from samgap.datasets.orchard.scene import Scene, Thing

FAR = 0.3
"""Nearness of the background; the tree's is 1."""


@dataclass
class View:
    """What a camera sees of a scene."""

    pixels: Array  # float32 (side, side, 3), 0 to 255
    which: Array  # int16 (side, side): index in `Scene.things` of what is seen, -1 for the far
    owner: Array  # int16 (side, side): the number of the labelled thing that is seen, or 0
    full: dict[int, int]  # px of each number that the view would show, were nothing before it
    marked: dict[int, int]  # px of its damage or disease that are seen
    corners: Array  # int (things + 1, 2): column and row where each thing's sprite starts; the far's last


def view(scene: Scene, shift: float = 0.0, time: float = 0.0) -> View:
    """The scene from a camera `shift` px to the right of the middle, at `time` (frames) in the wind."""
    side = scene.side
    start = (scene.far.shape[1] - side) // 2 + math.floor(FAR * shift)
    pixels = scene.far[:, start : start + side].copy()
    which = np.full((side, side), -1, np.int16)  # the far takes no shadow
    full: dict[int, int] = {}
    corners = []
    for index, thing in enumerate(scene.things):
        x = thing.x - shift * thing.near + thing.sway * math.sin(0.9 * time + index)
        height, width = thing.sprite.alpha.shape
        corners.append((math.floor(x) - width // 2, math.floor(thing.y) - height // 2))
        if thing.shadow:
            _shade(pixels, which, thing, x, scene.light)
        paste(pixels, thing.sprite, x, thing.y, thing.strength, (which, index))
        if thing.number:
            full[thing.number] = int((_within(thing.sprite.alpha, corners[-1], side) > 0.5).sum())
    numbers = np.array([thing.number for thing in scene.things] + [0], np.int16)
    owner = numbers[which]
    marked = {
        thing.number: _seen(which == index, thing.sprite.mark, corners[index])
        for index, thing in enumerate(scene.things)
        if thing.sprite.mark is not None
    }
    return View(pixels, which, owner, full, marked, np.array([*corners, (-start, 0)]))


def flow(now: View, then: View) -> tuple[Array, Array]:
    """Motion of every pixel from `now` to `then`, int (side, side, 2) in px (right, down), and is it still seen there?

    The second, bool (side, side), is true where its place in `then` lies in the view and shows the same thing.
    """
    motion = (then.corners - now.corners)[now.which]
    side = len(now.which)
    rows, columns = np.mgrid[:side, :side]
    x, y = columns + motion[..., 0], rows + motion[..., 1]
    inside = (x >= 0) & (x < side) & (y >= 0) & (y < side)
    there = then.which[np.clip(y, 0, side - 1), np.clip(x, 0, side - 1)]
    return motion, inside & (there == now.which)


def _shade(pixels: Array, which: Array, thing: Thing, x: float, light: Light) -> None:
    """Darken what of the tree lies behind a thing, a little away from the light."""
    height, width = thing.sprite.alpha.shape
    top = math.floor(thing.y - float(light.direction[1]) * 0.1 * height) - height // 2
    left = math.floor(x - float(light.direction[0]) * 0.1 * width) - width // 2
    rows, columns = slice(max(top, 0), max(top + height, 0)), slice(max(left, 0), max(left + width, 0))
    under = pixels[rows, columns]
    inner = thing.sprite.alpha[max(-top, 0) :, max(-left, 0) :][: under.shape[0], : under.shape[1]]
    under *= (1 - np.float32(thing.shadow) * inner * (which[rows, columns] >= 0))[..., None]


def _within(values: Array, corner: tuple[int, int], side: int) -> Array:
    """The part of a sprite that lies in the view."""
    left, top = corner
    return values[max(-top, 0) : max(side - top, 0), max(-left, 0) : max(side - left, 0)]


def _seen(mine: Array, mark: Array, corner: tuple[int, int]) -> int:
    """Pixels of a sprite's `mark` that are among `mine` bool (side, side), those of the view that show it."""
    left, top = corner
    height, width = mark.shape
    part = mine[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    return int((part & _within(mark, corner, len(mine))).sum())
