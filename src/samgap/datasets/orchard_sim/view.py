"""A view of a drawn orchard: painted from far to near, with what is seen at every pixel, and how it moves.

Each sprite is shifted by the camera's motion times its nearness, in whole pixels, so the optical flow is exact.
A photograph is a view without motion.
"""

import math
from dataclasses import dataclass

import numpy as np

from samgap.datasets.orchard_sim.background import paste_sprite
from samgap.datasets.orchard_sim.noise import Array, Light
from samgap.datasets.orchard_sim.scene import Scene, SceneObject

BACKGROUND_NEARNESS = 0.3
"""Nearness of the background; the tree's is 1."""


@dataclass
class View:
    """What a camera sees of a scene."""

    pixels: Array  # float32 (side, side, 3), 0 to 255
    object_index_map: Array  # int16 (side, side): index in `Scene.things` of what is seen, -1 for the far
    instance_id_map: Array  # int16 (side, side): the number of the labelled thing that is seen, or 0
    unoccluded_area_px: dict[int, int]  # px of each number that the view would show, were nothing before it
    visible_blemish_px: dict[int, int]  # px of its damage or disease that are seen
    sprite_corners: Array  # int (things + 1, 2): column and row where each thing's sprite starts; the far's last


def render_view(scene: Scene, shift_px: float = 0.0, time_frames: float = 0.0) -> View:
    """The scene from a camera `shift` px to the right of the middle, at `time` (frames) in the wind."""
    side = scene.side_px
    start = (scene.background.shape[1] - side) // 2 + math.floor(BACKGROUND_NEARNESS * shift_px)
    pixels = scene.background[:, start : start + side].copy()
    which = np.full((side, side), -1, np.int16)  # the far takes no shadow
    full: dict[int, int] = {}
    corners = []
    for index, thing in enumerate(scene.objects):
        x = thing.x - shift_px * thing.nearness + thing.sway_px * math.sin(0.9 * time_frames + index)
        height, width = thing.sprite.alpha.shape
        corners.append((math.floor(x) - width // 2, math.floor(thing.y) - height // 2))
        if thing.shadow_strength:
            _cast_shadow(pixels, which, thing, x, scene.light)
        paste_sprite(pixels, thing.sprite, x, thing.y, thing.brightness, (which, index))
        if thing.instance_id:
            full[thing.instance_id] = int((_crop_to_view(thing.sprite.alpha, corners[-1], side) > 0.5).sum())
    numbers = np.array([thing.instance_id for thing in scene.objects] + [0], np.int16)
    owner = numbers[which]
    marked = {
        thing.instance_id: _count_visible_px(which == index, thing.sprite.blemish_mask, corners[index])
        for index, thing in enumerate(scene.objects)
        if thing.sprite.blemish_mask is not None
    }
    return View(pixels, which, owner, full, marked, np.array([*corners, (-start, 0)]))


def compute_flow(source_view: View, target_view: View) -> tuple[Array, Array]:
    """Motion of every pixel from `now` to `then`, int (side, side, 2) in px (right, down), and is it still seen there?

    The second, bool (side, side), is true where its place in `then` lies in the view and shows the same thing.
    """
    motion = (target_view.sprite_corners - source_view.sprite_corners)[source_view.object_index_map]
    side = len(source_view.object_index_map)
    rows, columns = np.mgrid[:side, :side]
    x, y = columns + motion[..., 0], rows + motion[..., 1]
    inside = (x >= 0) & (x < side) & (y >= 0) & (y < side)
    there = target_view.object_index_map[np.clip(y, 0, side - 1), np.clip(x, 0, side - 1)]
    return motion, inside & (there == source_view.object_index_map)


def _cast_shadow(pixels: Array, object_index_map: Array, scene_object: SceneObject, x: float, light: Light) -> None:
    """Darken what of the tree lies behind a thing, a little away from the light."""
    height, width = scene_object.sprite.alpha.shape
    top = math.floor(scene_object.y - float(light.direction[1]) * 0.1 * height) - height // 2
    left = math.floor(x - float(light.direction[0]) * 0.1 * width) - width // 2
    rows, columns = slice(max(top, 0), max(top + height, 0)), slice(max(left, 0), max(left + width, 0))
    under = pixels[rows, columns]
    inner = scene_object.sprite.alpha[max(-top, 0) :, max(-left, 0) :][: under.shape[0], : under.shape[1]]
    under *= (1 - np.float32(scene_object.shadow_strength) * inner * (object_index_map[rows, columns] >= 0))[..., None]


def _crop_to_view(values: Array, corner: tuple[int, int], side_px: int) -> Array:
    """The part of a sprite that lies in the view."""
    left, top = corner
    return values[max(-top, 0) : max(side_px - top, 0), max(-left, 0) : max(side_px - left, 0)]


def _count_visible_px(visible_mask: Array, blemish_mask: Array, corner: tuple[int, int]) -> int:
    """Pixels of a sprite's `mark` that are among `mine` bool (side, side), those of the view that show it."""
    left, top = corner
    height, width = blemish_mask.shape
    part = visible_mask[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    return int((part & _crop_to_view(blemish_mask, corner, len(visible_mask))).sum())
