"""Render a view of a scene with the index of the visible object at each pixel, and the flow between two views.

Each sprite is shifted by the motion of the camera times its nearness, in whole pixels, so the optical flow is exact. A
photograph is a view without motion.
"""

import math
from dataclasses import dataclass

import numpy as np

from samgap.datasets.orchard_sim.background import paste_sprite
from samgap.datasets.orchard_sim.noise import Array, Light
from samgap.datasets.orchard_sim.scene import Scene, SceneObject

BACKGROUND_NEARNESS = 0.3
"""Factor of the shift of the background when the camera moves; 1 for the tree."""


@dataclass
class View:
    """A rendered view of a scene.

    Attributes:
        pixels: Float32, (side, side, 3), 0 to 255.
        object_index_map: Index in `Scene.objects` of the visible object, -1 for the background; int16, (side, side).
        instance_id_map: Instance id of the visible object, 0 if it is not labelled; int16, (side, side).
        unoccluded_area_px: Instance id -> area inside the view without the objects in front of it.
        visible_blemish_px: Instance id -> visible area of its damage or disease.
        sprite_corners: Column and row of the top left corner of each sprite, then of the background; int,
            (objects + 1, 2).
    """

    pixels: Array
    object_index_map: Array
    instance_id_map: Array
    unoccluded_area_px: dict[int, int]
    visible_blemish_px: dict[int, int]
    sprite_corners: Array


def render_view(scene: Scene, shift_px: float = 0.0, time_frames: float = 0.0) -> View:
    """Render a scene.

    Args:
        scene: The scene.
        shift_px: Position of the camera to the right of the middle of the scene.
        time_frames: Time in frames, which moves the leaves in the wind.
    """
    side = scene.side_px
    start = (scene.background.shape[1] - side) // 2 + math.floor(BACKGROUND_NEARNESS * shift_px)
    pixels = scene.background[:, start : start + side].copy()
    object_index_map = np.full((side, side), -1, np.int16)
    unoccluded_area_px: dict[int, int] = {}
    corners = []
    for index, scene_object in enumerate(scene.objects):
        sprite = scene_object.sprite
        sway = scene_object.sway_px * math.sin(0.9 * time_frames + index)
        x = scene_object.x - shift_px * scene_object.nearness + sway
        height, width = sprite.alpha.shape
        corners.append((math.floor(x) - width // 2, math.floor(scene_object.y) - height // 2))
        if scene_object.shadow_strength:
            _cast_shadow(pixels, object_index_map, scene_object, x, scene.light)
        paste_sprite(pixels, sprite, x, scene_object.y, scene_object.brightness, (object_index_map, index))
        if scene_object.instance_id:
            covered = _crop_to_view(sprite.alpha, corners[-1], side) > 0.5
            unoccluded_area_px[scene_object.instance_id] = int(covered.sum())
    instance_ids = np.array([scene_object.instance_id for scene_object in scene.objects] + [0], np.int16)
    instance_id_map = instance_ids[object_index_map]
    visible_blemish_px = {
        scene_object.instance_id: _count_visible_px(
            object_index_map == index, scene_object.sprite.blemish_mask, corners[index]
        )
        for index, scene_object in enumerate(scene.objects)
        if scene_object.sprite.blemish_mask is not None
    }
    sprite_corners = np.array([*corners, (-start, 0)])
    return View(pixels, object_index_map, instance_id_map, unoccluded_area_px, visible_blemish_px, sprite_corners)


def compute_flow(source_view: View, target_view: View) -> tuple[Array, Array]:
    """Compute the optical flow from one view to another view of the same scene.

    Returns:
        Motion to the right and down in px, int, (side, side, 2); and whether the same object is visible at the moved
        position in `target_view`, bool, (side, side).
    """
    motion = (target_view.sprite_corners - source_view.sprite_corners)[source_view.object_index_map]
    side = len(source_view.object_index_map)
    rows, columns = np.mgrid[:side, :side]
    x, y = columns + motion[..., 0], rows + motion[..., 1]
    is_inside = (x >= 0) & (x < side) & (y >= 0) & (y < side)
    target_index = target_view.object_index_map[np.clip(y, 0, side - 1), np.clip(x, 0, side - 1)]
    return motion, is_inside & (target_index == source_view.object_index_map)


def _cast_shadow(pixels: Array, object_index_map: Array, scene_object: SceneObject, x: float, light: Light) -> None:
    """Darken the objects behind an object, shifted away from the light; the background takes no shadow."""
    height, width = scene_object.sprite.alpha.shape
    top = math.floor(scene_object.y - float(light.direction[1]) * 0.1 * height) - height // 2
    left = math.floor(x - float(light.direction[0]) * 0.1 * width) - width // 2
    rows, columns = slice(max(top, 0), max(top + height, 0)), slice(max(left, 0), max(left + width, 0))
    target = pixels[rows, columns]
    inner = scene_object.sprite.alpha[max(-top, 0) :, max(-left, 0) :][: target.shape[0], : target.shape[1]]
    target *= (1 - np.float32(scene_object.shadow_strength) * inner * (object_index_map[rows, columns] >= 0))[..., None]


def _crop_to_view(values: Array, corner: tuple[int, int], side_px: int) -> Array:
    """Return the part of an array of the size of a sprite that is inside the view."""
    left, top = corner
    return values[max(-top, 0) : max(side_px - top, 0), max(-left, 0) : max(side_px - left, 0)]


def _count_visible_px(visible_mask: Array, blemish_mask: Array, corner: tuple[int, int]) -> int:
    """Count the pixels of a blemish of a sprite that are in `visible_mask`, bool, (side, side)."""
    left, top = corner
    height, width = blemish_mask.shape
    visible_crop = visible_mask[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    return int((visible_crop & _crop_to_view(blemish_mask, corner, len(visible_mask))).sum())
