"""Outlines of apples as ellipses in boxes: the ellipse that fits the edges, and which of two apples is in front."""

from collections.abc import Sequence

import numpy as np

Array = np.ndarray

ANGLES_RAD = np.linspace(0, 2 * np.pi, 48, endpoint=False)
"""Angles at which an outline is sampled."""

SIDE_SHIFTS = np.array([-0.03, 0.0, 0.04, 0.08, 0.13])
SHIFT_GRID = np.stack(np.meshgrid(SIDE_SHIFTS, SIDE_SHIFTS, SIDE_SHIFTS, SIDE_SHIFTS, indexing="ij"), -1).reshape(-1, 4)
SHIFT_GRID = SHIFT_GRID[np.abs(SHIFT_GRID).sum(1) < 0.3]
"""Candidate inward shifts of a box's four sides, as fractions of its width and height."""


def compute_normalised_radius(shape: tuple[int, ...], box: Array) -> Array:
    """Return the distance of each pixel from a box's centre, float32 (h, w); it is 1 on the superellipse in the box.

    The superellipse's exponent is 2.2.
    """
    x0, y0, x1, y1 = box
    u = np.abs((np.arange(shape[1]) + 0.5 - (x0 + x1) / 2) / max((x1 - x0) / 2, 1)) ** 2.2
    v = np.abs((np.arange(shape[0]) + 0.5 - (y0 + y1) / 2) / max((y1 - y0) / 2, 1)) ** 2.2
    return ((u[None] + v[:, None]) ** (1 / 2.2)).astype(np.float32)


def _compute_edge_contrast(gradients: Sequence[Array], boxes: Array) -> Array:
    """Return the colour gradient across the ellipses in boxes (n, 4) at each angle: (n, angles), per px, at most 12.

    It is NaN outside the image.
    """
    rows, columns = gradients[0].shape[:2]
    rx, ry = (boxes[:, 2] - boxes[:, 0]) / 2, (boxes[:, 3] - boxes[:, 1]) / 2
    x = ((boxes[:, 0] + boxes[:, 2]) / 2)[:, None] + rx[:, None] * np.cos(ANGLES_RAD)
    y = ((boxes[:, 1] + boxes[:, 3]) / 2)[:, None] + ry[:, None] * np.sin(ANGLES_RAD)
    nx, ny = ry[:, None] * np.cos(ANGLES_RAD), rx[:, None] * np.sin(ANGLES_RAD)
    length = np.hypot(nx, ny)
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    is_inside = (i >= 0) & (i < rows) & (j >= 0) & (j < columns)
    i, j = np.clip(i, 0, rows - 1), np.clip(j, 0, columns - 1)
    across = gradients[0][i, j] * (ny / length)[..., None] + gradients[1][i, j] * (nx / length)[..., None]
    return np.where(is_inside, np.minimum(np.sqrt((across**2).sum(-1)), 12.0), np.nan)


def fit_ellipse(gradients: Sequence[Array], box: Array) -> Array:
    """Return the ellipse, as a box, that follows the strongest edges near the ellipse in a box.

    Args:
        gradients: gradients of the colours, down and across, each (h, w, 3)
        box: x0, y0, x1, y1, px
    """
    width, height = box[2] - box[0], box[3] - box[1]
    boxes = box + SHIFT_GRID * (width, height, -width, -height)
    contrast = _compute_edge_contrast(gradients, boxes)
    is_inside = ~np.isnan(contrast)
    mean = np.where(is_inside, contrast, 0).sum(1) / np.maximum(is_inside.sum(1), 1)
    return boxes[int(np.argmax(mean - 6.0 * np.abs(SHIFT_GRID).sum(1)))]


def estimate_depth_order(gradients: Sequence[Array], own_box: Array, other_box: Array) -> float:
    """Estimate which of two overlapping apples is in front: 1 for that in `own_box`, -1 for the other, 0 if unknown.

    The outline of the apple in front has an edge in the overlap.

    Args:
        gradients: gradients of the colours, down and across, each (h, w, 3)
        own_box: x0, y0, x1, y1 of the first apple, px
        other_box: x0, y0, x1, y1 of the second apple, px
    """
    own_contrast = _compute_edge_contrast(gradients, own_box[None])[0]
    other_contrast = _compute_edge_contrast(gradients, other_box[None])[0]
    own_contrast = own_contrast[_is_outline_inside(own_box, other_box) & ~np.isnan(own_contrast)]
    other_contrast = other_contrast[_is_outline_inside(other_box, own_box) & ~np.isnan(other_contrast)]
    if len(own_contrast) < 3 or len(other_contrast) < 3:
        return 0.0
    return float(np.clip((own_contrast.mean() - other_contrast.mean()) / 3, -1, 1))


def _is_outline_inside(outline_box: Array, container_box: Array) -> Array:
    """Return whether the outline of the first ellipse is inside the second at each angle, bool (angles,)."""
    x = (outline_box[0] + outline_box[2]) / 2 + (outline_box[2] - outline_box[0]) / 2 * np.cos(ANGLES_RAD)
    y = (outline_box[1] + outline_box[3]) / 2 + (outline_box[3] - outline_box[1]) / 2 * np.sin(ANGLES_RAD)
    u = (x - (container_box[0] + container_box[2]) / 2) / ((container_box[2] - container_box[0]) / 2)
    v = (y - (container_box[1] + container_box[3]) / 2) / ((container_box[3] - container_box[1]) / 2)
    return u**2 + v**2 < 1
