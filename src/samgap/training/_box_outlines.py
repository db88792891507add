"""Outlines of apples as ellipses in boxes, for `_box_masks`: the one that fits the edges, and which is in front."""

from collections.abc import Sequence

import numpy as np

Array = np.ndarray

ANGLES = np.linspace(0, 2 * np.pi, 48, endpoint=False)

STEPS = np.array([-0.03, 0.0, 0.04, 0.08, 0.13])
GRID = np.stack(np.meshgrid(STEPS, STEPS, STEPS, STEPS, indexing="ij"), -1).reshape(-1, 4)
GRID = GRID[np.abs(GRID).sum(1) < 0.3]


def radius_in(shape: tuple[int, ...], box: Array) -> Array:
    """Distance from a box's centre, 1 on the super-ellipse (exponent 2.2) that it holds; float32 (h, w)."""
    x0, y0, x1, y1 = box
    u = np.abs((np.arange(shape[1]) + 0.5 - (x0 + x1) / 2) / max((x1 - x0) / 2, 1)) ** 2.2
    v = np.abs((np.arange(shape[0]) + 0.5 - (y0 + y1) / 2) / max((y1 - y0) / 2, 1)) ** 2.2
    return ((u[None] + v[:, None]) ** (1 / 2.2)).astype(np.float32)


def _contrast(slopes: Sequence[Array], boxes: Array) -> Array:
    """How fast the colour changes across the ellipses in boxes (n, 4), at each angle: (n, angles), at most 12 a px.

    It is nan outside the crop.
    """
    rows, columns = slopes[0].shape[:2]
    rx, ry = (boxes[:, 2] - boxes[:, 0]) / 2, (boxes[:, 3] - boxes[:, 1]) / 2
    x = ((boxes[:, 0] + boxes[:, 2]) / 2)[:, None] + rx[:, None] * np.cos(ANGLES)
    y = ((boxes[:, 1] + boxes[:, 3]) / 2)[:, None] + ry[:, None] * np.sin(ANGLES)
    nx, ny = ry[:, None] * np.cos(ANGLES), rx[:, None] * np.sin(ANGLES)
    length = np.hypot(nx, ny)
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    seen = (i >= 0) & (i < rows) & (j >= 0) & (j < columns)
    i, j = np.clip(i, 0, rows - 1), np.clip(j, 0, columns - 1)
    across = slopes[0][i, j] * (ny / length)[..., None] + slopes[1][i, j] * (nx / length)[..., None]
    return np.where(seen, np.minimum(np.sqrt((across**2).sum(-1)), 12.0), np.nan)


def fitted(slopes: Sequence[Array], box: Array) -> Array:
    """The ellipse near a box's own that follows the strongest edges, as a box; sides move inwards by GRID's shares."""
    wide, high = box[2] - box[0], box[3] - box[1]
    boxes = box + GRID * (wide, high, -wide, -high)
    contrast = _contrast(slopes, boxes)
    seen = ~np.isnan(contrast)
    mean = np.where(seen, contrast, 0).sum(1) / np.maximum(seen.sum(1), 1)
    return boxes[int(np.argmax(mean - 6.0 * np.abs(GRID).sum(1)))]


def in_front(slopes: Sequence[Array], ours: Array, theirs: Array) -> float:
    """1 where it is our outline that shows in the overlap with another apple, -1 where it is theirs, 0 unknown."""
    own, other = _contrast(slopes, ours[None])[0], _contrast(slopes, theirs[None])[0]
    own = own[_within(ours, theirs) & ~np.isnan(own)]
    other = other[_within(theirs, ours) & ~np.isnan(other)]
    if len(own) < 3 or len(other) < 3:
        return 0.0
    return float(np.clip((own.mean() - other.mean()) / 3, -1, 1))


def _within(one: Array, two: Array) -> Array:
    """At which angles the outline of the first ellipse runs inside the second."""
    x = (one[0] + one[2]) / 2 + (one[2] - one[0]) / 2 * np.cos(ANGLES)
    y = (one[1] + one[3]) / 2 + (one[3] - one[1]) / 2 * np.sin(ANGLES)
    u = (x - (two[0] + two[2]) / 2) / ((two[2] - two[0]) / 2)
    v = (y - (two[1] + two[3]) / 2) / ((two[3] - two[1]) / 2)
    return u**2 + v**2 < 1
