"""Points on an instance, and points beside it. A point is the middle of a pixel: x = column + 0.5."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import ndimage

from samgap.masks import rle as shapes
from samgap.prompts.seed import Seed
from samgap.prompts.spatial import PromptTarget

NEGATIVE_MARGIN_FRACTION = 0.5
"""Points beside an object lie in its box grown by this share of its sides, each way, but by at least 2 px."""


def sample_points(target: PromptTarget, options: Mapping[str, Any], seed: Seed) -> list[dict[str, Any]] | None:
    """`points` points (label 1) on the object at `place`, and `negatives` (label 0) near it; None where that cannot be.

    Every prompt of a set has as many: where an object has fewer pixels, points repeat.
    """
    if target.instance.rle is None:
        return None
    crop = shapes.crop(target.instance.rle)
    number, place = options.get("points", 1), options.get("place", "centre")
    if place == "centre":
        found = select_deepest_pixels(crop.mask, number)
    else:
        among = crop.mask if place == "random" else inner_boundary(crop.mask)
        found = _sample_pixels(among, number, target.make_rng(seed, place))
    asked = [_make_point(crop.top + row, crop.left + column, 1) for row, column in found]
    if options.get("negatives", 0):
        beside, top, left = crop_nearby_background(crop, target.image_row["height"], target.image_row["width"])
        if not beside.any():
            return None
        off = _sample_pixels(beside, options["negatives"], target.make_rng(seed, "negative"))
        asked += [_make_point(top + row, left + column, 0) for row, column in off]
    return asked


def select_deepest_pixels(mask: np.ndarray, n_pixels: int) -> list[tuple[int, int]]:
    """`number` pixels (row, column) of `mask`, bool: each is the deepest in what is left, first of equals, row by row.

    The first is the maximum of the distance transform, as in SAM's evaluation. Then a pixel found counts as outside
    the mask, so that the next lies far from it and from the edge.
    """
    left = mask.copy()
    found: list[tuple[int, int]] = []
    while len(found) < n_pixels and left.any():
        row, column = np.unravel_index(np.argmax(distance_transform(left)), left.shape)
        left[row, column] = False
        found.append((int(row), int(column)))
    return _repeat_pixels(found, n_pixels)


def distance_transform(mask: np.ndarray) -> np.ndarray:
    """Euclidean distance of each pixel of `mask`, bool, to the nearest one outside, px; outside of the array is outside
    of the mask. 0 off the mask."""
    return ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]


def inner_boundary(mask: np.ndarray) -> np.ndarray:
    """The pixels of `mask` that have one outside it above, below, left or right."""
    return mask & ~ndimage.binary_erosion(mask)


def crop_nearby_background(crop: Any, height: int, width: int) -> tuple[np.ndarray, int, int]:
    """Pixels near a crop's mask that are not on it, bool, and the row and column where that window begins."""
    rows, columns = crop.mask.shape
    down, across = max(round(NEGATIVE_MARGIN_FRACTION * rows), 2), max(round(NEGATIVE_MARGIN_FRACTION * columns), 2)
    top, left = max(crop.top - down, 0), max(crop.left - across, 0)
    bottom, right = min(crop.top + rows + down, height), min(crop.left + columns + across, width)
    beside = np.ones((bottom - top, right - left), bool)
    at = crop.top - top, crop.left - left
    beside[at[0] : at[0] + rows, at[1] : at[1] + columns] = ~crop.mask
    return beside, top, left


def _sample_pixels(candidates: np.ndarray, n_pixels: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """`number` different pixels, all equally likely; the first ones do not depend on how many follow."""
    rows, columns = np.nonzero(candidates)
    order = rng.permutation(len(rows))[:n_pixels]
    return _repeat_pixels([(int(rows[at]), int(columns[at])) for at in order], n_pixels)


def _repeat_pixels(pixels: list[tuple[int, int]], n_pixels: int) -> list[tuple[int, int]]:
    return [pixels[at % len(pixels)] for at in range(n_pixels)]


def _make_point(row: int, column: int, label: int) -> dict[str, Any]:
    return {"x": column + 0.5, "y": row + 0.5, "label": label}
