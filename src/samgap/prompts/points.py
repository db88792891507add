"""Sampling of points on an instance (label 1) and near it (label 0), at pixel centres: x = column + 0.5."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import ndimage

from samgap.masks import rle
from samgap.masks.clicks import distance_transform
from samgap.masks.rle import Crop
from samgap.prompts.seed import Seed
from samgap.prompts.spatial import PromptTarget

NEGATIVE_MARGIN_FRACTION = 0.5
"""Negative points lie in the instance's box, grown on each side by this fraction of its side, but by at least 2 px."""


def sample_points(target: PromptTarget, options: Mapping[str, Any], seed: Seed) -> list[dict[str, Any]] | None:
    """Return points for one instance, as entries of column `points`.

    Args:
        target: the instance.
        options: `points` (1), the number on the instance; `place` (`centre`), where on it: `centre`, `random` or
            `boundary`; `negatives` (0), the number near it.
        seed: the random generators.

    Returns:
        `points` positive points and then `negatives` negative ones; points repeat if the mask has fewer pixels. None if
        the instance has no mask, or if there is no pixel for a negative point.
    """
    if target.instance.rle is None:
        return None
    crop = rle.crop(target.instance.rle)
    n_points, place = options.get("points", 1), options.get("place", "centre")
    if place == "centre":
        pixels = select_deepest_pixels(crop.mask, n_points)
    else:
        candidates = crop.mask if place == "random" else find_inner_boundary(crop.mask)
        pixels = _sample_pixels(candidates, n_points, target.make_rng(seed, place))
    points = [_make_point(crop.top + row, crop.left + column, 1) for row, column in pixels]
    if options.get("negatives", 0):
        background, top, left = crop_nearby_background(crop, target.image_row["height"], target.image_row["width"])
        if not background.any():
            return None
        pixels = _sample_pixels(background, options["negatives"], target.make_rng(seed, "negative"))
        points += [_make_point(top + row, left + column, 0) for row, column in pixels]
    return points


def select_deepest_pixels(mask: np.ndarray, n_pixels: int) -> list[tuple[int, int]]:
    """Return pixels (row, column) far from the edge of a mask and from each other.

    The first is the maximum of the distance transform, as in SAM's evaluation (the first maximum, row by row). Each
    selected pixel then counts as outside the mask for the next.

    Args:
        mask: bool, (height, width), not empty.
        n_pixels: the number of pixels; they repeat if the mask has fewer.
    """
    remaining = mask.copy()
    pixels: list[tuple[int, int]] = []
    while len(pixels) < n_pixels and remaining.any():
        row, column = np.unravel_index(np.argmax(distance_transform(remaining)), remaining.shape)
        remaining[row, column] = False
        pixels.append((int(row), int(column)))
    return _repeat_pixels(pixels, n_pixels)


def find_inner_boundary(mask: np.ndarray) -> np.ndarray:
    """Return the pixels of a mask, bool, with a pixel outside the mask above, below, left or right."""
    return mask & ~ndimage.binary_erosion(mask)


def crop_nearby_background(crop: Crop, height: int, width: int) -> tuple[np.ndarray, int, int]:
    """Return the pixels near a mask that are not on it.

    Args:
        crop: the mask inside its box.
        height: of the image, px.
        width: of the image, px.

    Returns:
        bool, the window around the box; and the row and column of the image where the window starts.
    """
    n_rows, n_columns = crop.mask.shape
    row_margin = max(round(NEGATIVE_MARGIN_FRACTION * n_rows), 2)
    column_margin = max(round(NEGATIVE_MARGIN_FRACTION * n_columns), 2)
    top, left = max(crop.top - row_margin, 0), max(crop.left - column_margin, 0)
    bottom = min(crop.top + n_rows + row_margin, height)
    right = min(crop.left + n_columns + column_margin, width)
    background = np.ones((bottom - top, right - left), bool)
    row, column = crop.top - top, crop.left - left
    background[row : row + n_rows, column : column + n_columns] = ~crop.mask
    return background, top, left


def _sample_pixels(candidates: np.ndarray, n_pixels: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Sample different pixels uniformly; the first ones do not depend on `n_pixels`."""
    rows, columns = np.nonzero(candidates)
    order = rng.permutation(len(rows))[:n_pixels]
    return _repeat_pixels([(int(rows[index]), int(columns[index])) for index in order], n_pixels)


def _repeat_pixels(pixels: list[tuple[int, int]], n_pixels: int) -> list[tuple[int, int]]:
    return [pixels[index % len(pixels)] for index in range(n_pixels)]


def _make_point(row: int, column: int, label: int) -> dict[str, Any]:
    return {"x": column + 0.5, "y": row + 0.5, "label": label}
