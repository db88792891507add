"""Measures of a mask and the one of the frame before (bool, height × width), or of the truth's."""

import math

import numpy as np
from scipy.ndimage import label

from samgap.annotations.optical_flow import OpticalFlow
from samgap.masks import boundaries

CONTOUR_POINTS = 100
"""Points that a contour is sampled at."""
RING_RADII = np.logspace(math.log10(1 / 8), math.log10(2), 5)
"""Outer limits of the shape context's rings, in mean distances between points."""
ANGLE_BINS = 12
NEIGHBOUR_OFFSETS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
"""Neighbours (row, column) clockwise from the right."""


def davis_f(truth: boundaries.Crop, prediction: boundaries.Crop, height: int, width: int) -> float:
    """Boundary F of two whole masks at 0.008 of the diagonal, rounded up, as DAVIS has it, however far apart."""
    tolerance = math.ceil(boundaries.DAVIS_TOLERANCE_FRACTION * math.hypot(height, width))
    if boundaries.exceeds_distance(truth, prediction, tolerance + 2):  # the boundary lies up to 1 px outside of either
        return 0.0
    edges = [boundaries.extract_davis_boundary(mask) for mask in boundaries.crop_pair(truth, prediction, height, width)]
    return boundaries.boundary_f(boundaries.boundary_distances(edges[0], edges[1]), tolerance)


def warped_iou(previous: np.ndarray, current: np.ndarray, flow: OpticalFlow) -> float | None:
    """IoU of a mask with the one before, over the pixels that both frames show; None where neither has any of them."""
    one, other = previous.ravel()[flow.source_pixels], current.ravel()[flow.target_pixels]
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else None


def trace_contour(mask: np.ndarray) -> np.ndarray:
    """The largest part's outer contour, clockwise, at even places; float (POINTS, 2) as (row, column)."""
    parts, _ = label(mask, np.ones((3, 3)))
    part = np.pad(parts == np.bincount(parts.ravel())[1:].argmax() + 1, 1)
    start = tuple(np.argwhere(part)[0])
    path, at, heading = [start], start, 0
    while True:
        # Moore's tracing: turn from where one came, until a neighbour is of the part.
        for turn in range(8):
            step = (heading + 6 + turn) % 8
            near = (at[0] + NEIGHBOUR_OFFSETS[step][0], at[1] + NEIGHBOUR_OFFSETS[step][1])
            if part[near]:
                break
        else:
            break  # a single pixel
        if at == start and len(path) > 1 and near == path[1]:
            path.pop()
            break
        at, heading = near, step
        path.append(at)
    points = np.array([*path, start], np.float64) - 1
    far = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    places = np.linspace(0, far[-1], CONTOUR_POINTS, endpoint=False)
    return np.stack([np.interp(places, far, points[:, axis]) for axis in range(2)], axis=1)


def shape_context(points: np.ndarray) -> np.ndarray:
    """For each point the share of the others in each ring and direction, float (N, rings × directions)."""
    away = points[None] - points[:, None]
    distance = np.hypot(away[..., 0], away[..., 1])
    scale = distance.mean() or 1.0
    ring = np.searchsorted(RING_RADII, distance / scale)
    angle = (
        np.floor((np.arctan2(away[..., 0], away[..., 1]) / (2 * np.pi) % 1) * ANGLE_BINS).astype(np.int64) % ANGLE_BINS
    )
    found = np.zeros((len(points), len(RING_RADII) * ANGLE_BINS))
    inside = (ring < len(RING_RADII)) & ~np.eye(len(points), dtype=bool)
    rows = np.broadcast_to(np.arange(len(points))[:, None], ring.shape)
    np.add.at(found, (rows[inside], (ring * ANGLE_BINS + angle)[inside]), 1)
    return found / np.maximum(found.sum(axis=1, keepdims=True), 1)


def contour_cost(first_context: np.ndarray, second_context: np.ndarray) -> float:
    """From `shape_context` of both: the mean χ² cost of points that stand for each other, 0 to 1.

    Both contours begin where the cyclic shift of one along the other costs least. From there they are aligned so that
    the sum is least and no point goes back; of a point's several partners the one that costs least is kept.
    """
    total = first_context[:, None] + second_context[None]
    costs = 0.5 * np.divide(
        (first_context[:, None] - second_context[None]) ** 2, total, out=np.zeros_like(total), where=total > 0
    ).sum(-1)
    rows = np.arange(len(first_context))
    shift = min(rows, key=lambda by: costs[rows, (rows + by) % len(second_context)].sum())
    costs = np.roll(costs, -shift, axis=1)
    pairs = align_contours(costs)
    for side in range(2):
        best: dict[int, tuple[int, int]] = {}
        for pair in pairs:
            kept = best.setdefault(pair[side], pair)
            best[pair[side]] = min(kept, pair, key=lambda each: costs[each])
        pairs = list(best.values())
    return float(np.mean([costs[pair] for pair in pairs]))


def align_contours(costs: np.ndarray) -> list[tuple[int, int]]:
    """The way through `costs` (N, M) from its first to its last place that costs least, last place first.

    It goes on by a row, a column or both (which is taken where it costs no more).
    """
    n, m = costs.shape
    least = np.full((n + 1, m + 1), np.inf)
    least[0, 0] = 0
    for diagonal in range(2, n + m + 1):
        i = np.arange(max(1, diagonal - m), min(n, diagonal - 1) + 1)
        j = diagonal - i
        before = np.minimum(least[i - 1, j - 1], np.minimum(least[i - 1, j], least[i, j - 1]))
        least[i, j] = costs[i - 1, j - 1] + before
    at = (n, m)
    found = [(n - 1, m - 1)]
    while at != (1, 1):
        at = min(((at[0] - 1, at[1] - 1), (at[0] - 1, at[1]), (at[0], at[1] - 1)), key=lambda place: least[place])
        found.append((at[0] - 1, at[1] - 1))
    return found
