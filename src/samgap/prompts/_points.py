"""Points on an instance, and points beside it. A point is the middle of a pixel: x = column + 0.5."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import ndimage

from samgap import masks as shapes
from samgap.prompts._seed import Seed
from samgap.prompts._spatial import Target

REACH = 0.5
"""Points beside an object lie in its box grown by this share of its sides, each way, but by at least 2 px."""


def points(target: Target, options: Mapping[str, Any], seed: Seed) -> list[dict[str, Any]] | None:
    """`points` points (label 1) on the object at `place`, and `negatives` (label 0) near it; None where that cannot be.

    Every prompt of a set has as many: where an object has fewer pixels, points repeat.
    """
    if target.item.rle is None:
        return None
    crop = shapes.crop(target.item.rle)
    number, place = options.get("points", 1), options.get("place", "centre")
    if place == "centre":
        found = deepest(crop.inside, number)
    else:
        among = crop.inside if place == "random" else rim(crop.inside)
        found = _drawn(among, number, target.rng(seed, place))
    asked = [_point(crop.top + row, crop.left + column, 1) for row, column in found]
    if options.get("negatives", 0):
        beside, top, left = around(crop, target.image["height"], target.image["width"])
        if not beside.any():
            return None
        off = _drawn(beside, options["negatives"], target.rng(seed, "negative"))
        asked += [_point(top + row, left + column, 0) for row, column in off]
    return asked


def deepest(mask: np.ndarray, number: int) -> list[tuple[int, int]]:
    """`number` pixels (row, column) of `mask`, bool: each is the deepest in what is left, first of equals, row by row.

    The first is the maximum of the distance transform, as in SAM's evaluation. Then a pixel found counts as outside
    the mask, so that the next lies far from it and from the edge.
    """
    left = mask.copy()
    found: list[tuple[int, int]] = []
    while len(found) < number and left.any():
        row, column = np.unravel_index(np.argmax(depth(left)), left.shape)
        left[row, column] = False
        found.append((int(row), int(column)))
    return _repeated(found, number)


def depth(mask: np.ndarray) -> np.ndarray:
    """Euclidean distance of each pixel of `mask`, bool, to the nearest one outside, px; outside of the array is outside
    of the mask. 0 off the mask."""
    return ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]


def rim(mask: np.ndarray) -> np.ndarray:
    """The pixels of `mask` that have one outside it above, below, left or right."""
    return mask & ~ndimage.binary_erosion(mask)


def around(crop: Any, height: int, width: int) -> tuple[np.ndarray, int, int]:
    """Pixels near a crop's mask that are not on it, bool, and the row and column where that window begins."""
    rows, columns = crop.inside.shape
    down, across = max(round(REACH * rows), 2), max(round(REACH * columns), 2)
    top, left = max(crop.top - down, 0), max(crop.left - across, 0)
    bottom, right = min(crop.top + rows + down, height), min(crop.left + columns + across, width)
    beside = np.ones((bottom - top, right - left), bool)
    at = crop.top - top, crop.left - left
    beside[at[0] : at[0] + rows, at[1] : at[1] + columns] = ~crop.inside
    return beside, top, left


def _drawn(among: np.ndarray, number: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """`number` different pixels, all equally likely; the first ones do not depend on how many follow."""
    rows, columns = np.nonzero(among)
    order = rng.permutation(len(rows))[:number]
    return _repeated([(int(rows[at]), int(columns[at])) for at in order], number)


def _repeated(found: list[tuple[int, int]], number: int) -> list[tuple[int, int]]:
    return [found[at % len(found)] for at in range(number)]


def _point(row: int, column: int, label: int) -> dict[str, Any]:
    return {"x": column + 0.5, "y": row + 0.5, "label": label}
