"""Measures of two masks of a video: DAVIS boundary F, IoU after warping by optical flow, distance of contour shapes."""

import math

import numpy as np
from scipy.ndimage import label

from samgap.annotations.optical_flow import OpticalFlow
from samgap.masks import boundaries

CONTOUR_POINTS = 100
"""The number of points that a contour is resampled to."""
RING_RADII = np.logspace(math.log10(1 / 8), math.log10(2), 5)
"""Outer radii of the rings of a shape context, in units of the mean distance between points."""
ANGLE_BINS = 12
"""The number of angular bins of a shape context."""
NEIGHBOUR_OFFSETS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
"""The 8 neighbours (row, column), clockwise from the right."""


def davis_f(truth: boundaries.Crop, prediction: boundaries.Crop, height: int, width: int) -> float:
    """Return the boundary F of two masks as DAVIS defines it: tolerance 0.008 of the image's diagonal, rounded up.

    Args:
        truth: ground-truth mask inside its box.
        prediction: predicted mask inside its box.
        height: of the image, px.
        width: of the image, px.
    """
    tolerance = math.ceil(boundaries.DAVIS_TOLERANCE_FRACTION * math.hypot(height, width))
    if boundaries.exceeds_distance(truth, prediction, tolerance + 2):  # a boundary may lie 1 px outside its mask
        return 0.0
    edges = [boundaries.extract_davis_boundary(mask) for mask in boundaries.crop_pair(truth, prediction, height, width)]
    return boundaries.boundary_f(boundaries.compute_boundary_distances(edges[0], edges[1]), tolerance)


def warped_iou(previous: np.ndarray, current: np.ndarray, flow: OpticalFlow) -> float | None:
    """Return the IoU of a mask and the previous frame's mask, over the pixels visible in both frames.

    Args:
        previous: mask of the previous frame, bool, (height, width).
        current: mask of the frame, bool, (height, width).
        flow: the pixels visible in both frames.

    Returns:
        The IoU, or None if neither mask has a visible pixel.
    """
    warped, target = previous.ravel()[flow.source_pixels], current.ravel()[flow.target_pixels]
    union = np.count_nonzero(warped | target)
    return np.count_nonzero(warped & target) / union if union else None


def trace_contour(mask: np.ndarray) -> np.ndarray:
    """Return the outer contour of a mask's largest connected component, clockwise, resampled at equal distances.

    Args:
        mask: bool, (height, width), not empty.

    Returns:
        (row, column) of each point, float64 (`CONTOUR_POINTS`, 2).
    """
    labels, _ = label(mask, np.ones((3, 3)))
    largest = np.bincount(labels.ravel())[1:].argmax() + 1
    path = _trace_boundary(np.pad(labels == largest, 1))
    points = np.array([*path, path[0]], np.float64) - 1
    arc_lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    positions = np.linspace(0, arc_lengths[-1], CONTOUR_POINTS, endpoint=False)
    return np.stack([np.interp(positions, arc_lengths, points[:, axis]) for axis in range(2)], axis=1)


def _trace_boundary(component: np.ndarray) -> list[tuple[int, int]]:
    """Return the boundary pixels of a component, bool, that does not touch the array's edge, by Moore's tracing."""
    row, column = np.argwhere(component)[0].tolist()
    start = pixel = (row, column)
    path, heading = [start], 0
    while True:
        # Search clockwise, starting behind the direction of the last step.
        for turn in range(8):
            direction = (heading + 6 + turn) % 8
            neighbour = (pixel[0] + NEIGHBOUR_OFFSETS[direction][0], pixel[1] + NEIGHBOUR_OFFSETS[direction][1])
            if component[neighbour]:
                break
        else:
            return path  # a single pixel
        if pixel == start and len(path) > 1 and neighbour == path[1]:
            return path[:-1]
        pixel, heading = neighbour, direction
        path.append(pixel)


def shape_context(points: np.ndarray) -> np.ndarray:
    """Return the shape context of each point: the share of the other points in each ring and angular bin.

    Args:
        points: (row, column), float64 (N, 2).

    Returns:
        float64 (N, rings · angular bins); rows sum to 1, or to 0 for a point without others in its rings.

    Source: Belongie, Malik & Puzicha (2002).
    """
    offsets = points[None] - points[:, None]
    distance = np.hypot(offsets[..., 0], offsets[..., 1])
    scale = distance.mean() or 1.0
    ring = np.searchsorted(RING_RADII, distance / scale)
    turns = np.arctan2(offsets[..., 0], offsets[..., 1]) / (2 * np.pi) % 1
    angle_bin = np.floor(turns * ANGLE_BINS).astype(np.int64) % ANGLE_BINS
    counts = np.zeros((len(points), len(RING_RADII) * ANGLE_BINS))
    inside = (ring < len(RING_RADII)) & ~np.eye(len(points), dtype=bool)
    rows = np.broadcast_to(np.arange(len(points))[:, None], ring.shape)
    np.add.at(counts, (rows[inside], (ring * ANGLE_BINS + angle_bin)[inside]), 1)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def contour_cost(first_context: np.ndarray, second_context: np.ndarray) -> float:
    """Return the mean χ² cost of the aligned points of two contours, 0 to 1.

    The start of the second contour is the cyclic shift with the lowest total cost. From there the contours are aligned
    monotonically at the lowest total cost (dynamic time warping). If a point is aligned with several points, only the
    pair with the lowest cost counts.

    Args:
        first_context: `shape_context` of the first contour, (N, bins).
        second_context: `shape_context` of the second contour, (N, bins).
    """
    total = first_context[:, None] + second_context[None]
    squared_difference = (first_context[:, None] - second_context[None]) ** 2
    costs = 0.5 * np.divide(squared_difference, total, out=np.zeros_like(total), where=total > 0).sum(-1)
    rows = np.arange(len(first_context))
    shift = min(rows, key=lambda offset: costs[rows, (rows + offset) % len(second_context)].sum())
    costs = np.roll(costs, -shift, axis=1)
    pairs = align_contours(costs)
    for side in range(2):
        best: dict[int, tuple[int, int]] = {}
        for pair in pairs:
            current = best.setdefault(pair[side], pair)
            best[pair[side]] = min(current, pair, key=lambda candidate: costs[candidate])
        pairs = list(best.values())
    return float(np.mean([costs[pair] for pair in pairs]))


def align_contours(costs: np.ndarray) -> list[tuple[int, int]]:
    """Return the monotone path of lowest total cost from the first to the last cell, last cell first.

    A step goes to the next row, the next column or both; both is preferred at equal cost.

    Args:
        costs: float64 (N, M).
    """
    n, m = costs.shape
    total = np.full((n + 1, m + 1), np.inf)
    total[0, 0] = 0
    for diagonal in range(2, n + m + 1):
        i = np.arange(max(1, diagonal - m), min(n, diagonal - 1) + 1)
        j = diagonal - i
        cheapest_step = np.minimum(total[i - 1, j - 1], np.minimum(total[i - 1, j], total[i, j - 1]))
        total[i, j] = costs[i - 1, j - 1] + cheapest_step
    cell = (n, m)
    path = [(n - 1, m - 1)]
    while cell != (1, 1):
        previous_cells = ((cell[0] - 1, cell[1] - 1), (cell[0] - 1, cell[1]), (cell[0], cell[1] - 1))
        cell = min(previous_cells, key=lambda candidate: total[candidate])
        path.append((cell[0] - 1, cell[1] - 1))
    return path
