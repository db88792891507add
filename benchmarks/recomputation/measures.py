"""Measures of two masks, bool (height, width)."""

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt

SQUARE = np.ones((3, 3), bool)


def crop(*masks: np.ndarray) -> list[np.ndarray]:
    """Return masks in the box of their union, with a margin of background."""
    union = np.any(masks, axis=0)
    rows, columns = np.flatnonzero(union.any(axis=1)), np.flatnonzero(union.any(axis=0))
    if not len(rows):
        return [np.zeros((1, 1), bool) for _ in masks]
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return [np.pad(mask[box], 1) for mask in masks]


def measure_dice(mask: np.ndarray, truth: np.ndarray) -> float:
    """Return 2|A∩B| / (|A| + |B|)."""
    return float(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))


def measure_area_error(mask: np.ndarray, truth: np.ndarray) -> float:
    """Return the difference of the areas, relative to the instance."""
    return float(abs(int(mask.sum()) - int(truth.sum())) / truth.sum())


def find_boundary(mask: np.ndarray) -> np.ndarray:
    """Return the pixels that the 4-connected erosion removes."""
    eroded: np.ndarray = binary_erosion(mask)
    return mask & ~eroded


def measure_distances(mask: np.ndarray, truth: np.ndarray) -> list[np.ndarray]:
    """Return the distances of the boundary pixels of each mask to the boundary of the other, px."""
    edges = [find_boundary(item) for item in crop(mask, truth)]
    if not all(edge.any() for edge in edges):
        return [np.full(edge.sum(), np.inf) for edge in edges]
    return [distance_transform_edt(~edges[1 - side])[edges[side]] for side in (0, 1)]


def measure_boundary_f(mask: np.ndarray, truth: np.ndarray, tolerance: float) -> float:
    """Return F of the boundary pixels that are within a distance of the other boundary, px."""
    distances = measure_distances(mask, truth)
    if not all(map(len, distances)):
        return float(not any(map(len, distances)))
    precision, recall = (float((each <= tolerance).mean()) for each in distances)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def measure_relative_boundary_f(mask: np.ndarray, truth: np.ndarray) -> float:
    """Return F at 5 % of the diameter of a disk with the area of the instance."""
    return measure_boundary_f(mask, truth, 0.05 * np.sqrt(4 * truth.sum() / np.pi))


def measure_davis_f(mask: np.ndarray, truth: np.ndarray) -> float:
    """Return DAVIS's boundary F: its boundary, at 0.008 of the diagonal, rounded up."""
    edges = [_find_davis_boundary(item) for item in (mask, truth)]
    tolerance = np.ceil(0.008 * np.hypot(*mask.shape))
    if not all(edge.any() for edge in edges):
        return float(not any(edge.any() for edge in edges))
    distances = [distance_transform_edt(~edges[1 - side])[edges[side]] for side in (0, 1)]
    precision, recall = (float((each <= tolerance).mean()) for each in distances)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _find_davis_boundary(mask: np.ndarray) -> np.ndarray:
    """Return the pixels that differ from their right, lower or lower right neighbour, as DAVIS's `seg2bmap`."""
    # Copies of the last pixels: the last row and column are compared along themselves.
    extended = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, lower, diagonal = extended[:-1, 1:], extended[1:, :-1], extended[1:, 1:]
    edges: np.ndarray = (mask != right) | (mask != lower) | (mask != diagonal)
    return edges


def measure_boundary_iou(mask: np.ndarray, truth: np.ndarray, width: int | None = None) -> float:
    """Return the IoU of the pixels that `width` erosions by 3×3 remove, by default 0.02 of the image's diagonal."""
    width = width or max(round(0.02 * float(np.hypot(*mask.shape))), 1)
    bands = [item & ~binary_erosion(item, SQUARE, iterations=width) for item in crop(mask, truth)]
    union = (bands[0] | bands[1]).sum()
    return float((bands[0] & bands[1]).sum() / union) if union else 1.0


def measure_hausdorff_95(mask: np.ndarray, truth: np.ndarray) -> float:
    """Return the greater 95 % quantile of the boundary distances, px."""
    return max(float(np.quantile(each, 0.95)) for each in measure_distances(mask, truth))


def measure_union_iou(mask: np.ndarray, other: np.ndarray) -> float:
    """Return IoU; 1 of two empty masks."""
    union = (mask | other).sum()
    return float((mask & other).sum() / union) if union else 1.0
