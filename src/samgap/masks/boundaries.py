"""Boundary measures of two masks: boundary F, boundary IoU, Hausdorff distance.

All are computed from distance transforms within the common bounding box of the two masks. Two empty masks score 1
(distance 0); an empty and a non-empty mask score 0, with an undefined distance (NaN).
"""

import math

import numpy as np
from scipy.ndimage import distance_transform_cdt, distance_transform_edt

from samgap.masks.rle import Crop

DAVIS_TOLERANCE_FRACTION = 0.008
"""Tolerance of DAVIS's boundary F, as a fraction of the image diagonal; rounded up to whole px."""
BAND_WIDTH_FRACTION = 0.02
"""Width of the bands of boundary IoU, as a fraction of the image diagonal; rounded to whole px, at least 1."""
RELATIVE_TOLERANCE_FRACTION = 0.05
"""Relative tolerance of boundary F, as a fraction of the diameter of a disk with the area of the instance."""


def compute_boundary_measures(prediction: Crop, truth: Crop, height: int, width: int) -> dict[str, float]:
    """Compute the boundary measures of a prediction and an instance of one image.

    Args:
        prediction: Mask of the prediction.
        truth: Mask of the instance.
        height: Height of the image, px.
        width: Width of the image, px.

    Returns:
        Measures by their names in `MEASURES` and `ERROR_MEASURES` of `samgap.tables.matching`.
    """
    prediction_mask, truth_mask = crop_pair(prediction, truth, height, width)
    distances = compute_boundary_distances(extract_boundary(prediction_mask), extract_boundary(truth_mask))
    diagonal = math.hypot(height, width)
    relative = RELATIVE_TOLERANCE_FRACTION * 2 * math.sqrt(truth.mask.sum() / math.pi)
    bands = chessboard_distance(prediction_mask), chessboard_distance(truth_mask)
    return {
        **{f"boundary_f_{tolerance}px": boundary_f(distances, tolerance) for tolerance in (1, 2, 3, 5)},
        "boundary_f_relative": boundary_f(distances, relative),
        "boundary_f_davis": boundary_f(
            compute_boundary_distances(extract_davis_boundary(prediction_mask), extract_davis_boundary(truth_mask)),
            math.ceil(DAVIS_TOLERANCE_FRACTION * diagonal),
        ),
        "boundary_iou": boundary_iou(*bands, max(round(BAND_WIDTH_FRACTION * diagonal), 1)),
        "boundary_iou_2px": boundary_iou(*bands, 2),
        "hausdorff_95_px": hausdorff_distance(distances, 0.95),
    }


def crop_pair(first: Crop, second: Crop, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two masks, bool (H, W), in their common bounding box, with a margin of 1 px inside the image."""
    crops = [crop for crop in (first, second) if crop.mask.size] or [first]
    top = max(min(crop.top for crop in crops) - 1, 0)
    left = max(min(crop.left for crop in crops) - 1, 0)
    bottom = min(max(crop.top + crop.mask.shape[0] for crop in crops) + 1, height)
    right = min(max(crop.left + crop.mask.shape[1] for crop in crops) + 1, width)
    padded = []
    for crop in (first, second):
        box = np.zeros((bottom - top, right - left), bool)
        rows, columns = crop.mask.shape
        if crop.mask.size:
            box[crop.top - top : crop.top - top + rows, crop.left - left : crop.left - left + columns] = crop.mask
        padded.append(box)
    return padded[0], padded[1]


def exceeds_distance(first: Crop, second: Crop, tolerance_px: float) -> bool:
    """Return whether the boxes are farther than a tolerance along rows or columns, or exactly one mask is empty."""
    if not first.mask.size or not second.mask.size:
        return first.mask.size != second.mask.size
    gaps = [
        max(a, b) - min(a + m, b + n) + 1
        for a, m, b, n in (
            (first.top, first.mask.shape[0], second.top, second.mask.shape[0]),
            (first.left, first.mask.shape[1], second.left, second.mask.shape[1]),
        )
    ]
    return max(gaps) > tolerance_px


def extract_boundary(mask: np.ndarray) -> np.ndarray:
    """Return the boundary of a mask: the mask minus its 4-connected erosion, bool (height, width).

    The outside of the array is background, so mask pixels on the border of the image are boundary pixels.
    """
    padded = np.pad(mask, 1)
    core, above, below = padded[1:-1, 1:-1], padded[:-2, 1:-1], padded[2:, 1:-1]
    return core & ~(above & below & padded[1:-1, :-2] & padded[1:-1, 2:])


def extract_davis_boundary(mask: np.ndarray) -> np.ndarray:
    """Return the pixels that differ from their right, lower or lower right neighbour, bool (height, width).

    Source: `seg2bmap` of DAVIS, at full size.
    """
    edge = np.zeros_like(mask)
    edge[:-1, :-1] = (mask[:-1, :-1] != mask[:-1, 1:]) | (mask[:-1, :-1] != mask[1:, :-1])
    edge[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    edge[-1, :-1] = mask[-1, :-1] != mask[-1, 1:]
    edge[:-1, -1] = mask[:-1, -1] != mask[1:, -1]
    return edge


def compute_boundary_distances(
    first_boundary: np.ndarray, second_boundary: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the Euclidean distances of each boundary's pixels to the other boundary, px, (N,) and (M,), sorted."""
    if not first_boundary.any() or not second_boundary.any():
        return np.full(first_boundary.sum(), np.inf), np.full(second_boundary.sum(), np.inf)
    return np.sort(distance_transform_edt(~second_boundary)[first_boundary]), np.sort(
        distance_transform_edt(~first_boundary)[second_boundary]
    )


def boundary_f(distances_px: tuple[np.ndarray, np.ndarray], tolerance_px: float) -> float:
    """Return the boundary F = 2PR / (P + R) at a tolerance.

    P is the fraction of the first boundary within the tolerance of the second, R the reverse.
    Source: Martin, Fowlkes, Malik, TPAMI 2004.
    """
    if not len(distances_px[0]) or not len(distances_px[1]):
        return float(len(distances_px[0]) == len(distances_px[1]))
    precision, recall = (
        np.searchsorted(distances, tolerance_px, side="right") / len(distances) for distances in distances_px
    )
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def hausdorff_distance(distances_px: tuple[np.ndarray, np.ndarray], quantile: float) -> float:
    """Return the larger quantile of the distances of the two directions, px; linear between neighbours."""
    if not len(distances_px[0]) or not len(distances_px[1]):
        return 0.0 if len(distances_px[0]) == len(distances_px[1]) else math.nan
    return max(_interpolate_quantile(distances, quantile) for distances in distances_px)


def chessboard_distance(mask: np.ndarray) -> np.ndarray:
    """Return the chessboard distance of each pixel to the background, px; 0 outside the mask.

    The outside of the array is background.
    """
    return distance_transform_cdt(np.pad(mask, 1), metric="chessboard")[1:-1, 1:-1]


def boundary_iou(first_distance: np.ndarray, second_distance: np.ndarray, width_px: int) -> float:
    """Return the IoU of the bands inside the two boundaries, from the `chessboard_distance` of the two masks.

    Source: Cheng et al., "Boundary IoU", CVPR 2021.
    """
    bands = (first_distance > 0) & (first_distance <= width_px), (second_distance > 0) & (second_distance <= width_px)
    union = np.count_nonzero(bands[0] | bands[1])
    return np.count_nonzero(bands[0] & bands[1]) / union if union else 1.0


def _interpolate_quantile(sorted_values: np.ndarray, quantile: float) -> float:
    position = quantile * (len(sorted_values) - 1)
    low = math.floor(position)
    high = min(low + 1, len(sorted_values) - 1)
    return float(sorted_values[low] + (sorted_values[high] - sorted_values[low]) * (position - low))
