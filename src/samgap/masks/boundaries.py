"""How well the outlines of two masks agree: boundary F, boundary IoU, Hausdorff distance.

All of them come from a few distance transforms in the box that holds both masks, never from whole images.
Two empty masks agree fully; an empty and a full one not at all, and have no distance (NaN).
"""

import math

import numpy as np
from scipy.ndimage import distance_transform_cdt, distance_transform_edt

from samgap.masks.rle import Crop

DAVIS_TOLERANCE_FRACTION = 0.008
"""Of the image's diagonal, rounded up to whole px."""
BAND_WIDTH_FRACTION = 0.02
"""Of the image's diagonal, rounded to whole px, at least 1: the width of boundary IoU's bands."""
RELATIVE_TOLERANCE_FRACTION = 0.05
"""Of the diameter of a disk of the truth's area."""


def compute_boundary_measures(prediction: Crop, truth: Crop, height: int, width: int) -> dict[str, float]:
    """All measures of outlines, by their names in `samgap.tables.MEASURES` and `ERRORS`."""
    one, other = crop_pair(prediction, truth, height, width)
    distances = boundary_distances(extract_boundary(one), extract_boundary(other))
    diagonal = math.hypot(height, width)
    relative = RELATIVE_TOLERANCE_FRACTION * 2 * math.sqrt(truth.mask.sum() / math.pi)
    bands = chessboard_distance(one), chessboard_distance(other)
    return {
        **{f"boundary_f_{tolerance}px": boundary_f(distances, tolerance) for tolerance in (1, 2, 3, 5)},
        "boundary_f_relative": boundary_f(distances, relative),
        "boundary_f_davis": boundary_f(
            boundary_distances(extract_davis_boundary(one), extract_davis_boundary(other)),
            math.ceil(DAVIS_TOLERANCE_FRACTION * diagonal),
        ),
        "boundary_iou": boundary_iou(*bands, max(round(BAND_WIDTH_FRACTION * diagonal), 1)),
        "boundary_iou_2px": boundary_iou(*bands, 2),
        "hausdorff_95_px": hausdorff_distance(distances, 0.95),
    }


def crop_pair(first: Crop, second: Crop, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Both masks in one box, with a margin of 1 px where the image goes on."""
    crops = [crop for crop in (first, second) if crop.mask.size] or [first]
    top = max(min(crop.top for crop in crops) - 1, 0)
    left = max(min(crop.left for crop in crops) - 1, 0)
    bottom = min(max(crop.top + crop.mask.shape[0] for crop in crops) + 1, height)
    right = min(max(crop.left + crop.mask.shape[1] for crop in crops) + 1, width)
    found = []
    for crop in (first, second):
        box = np.zeros((bottom - top, right - left), bool)
        rows, columns = crop.mask.shape
        if crop.mask.size:
            box[crop.top - top : crop.top - top + rows, crop.left - left : crop.left - left + columns] = crop.mask
        found.append(box)
    return found[0], found[1]


def exceeds_distance(first: Crop, second: Crop, tolerance_px: float) -> bool:
    """Are the boxes of both further apart than `tolerance` px, along rows or columns, or one of them empty?"""
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
    """The mask less its 4-connected erosion, bool (height, width).

    Outside the array counts as background, so pixels of the mask on the image's edge are boundary.
    """
    padded = np.pad(mask, 1)
    core, above, below = padded[1:-1, 1:-1], padded[:-2, 1:-1], padded[2:, 1:-1]
    return core & ~(above & below & padded[1:-1, :-2] & padded[1:-1, 2:])


def extract_davis_boundary(mask: np.ndarray) -> np.ndarray:
    """Pixels that differ from their right, lower or lower right neighbour, bool: DAVIS's `seg2bmap` at full size."""
    edge = np.zeros_like(mask)
    edge[:-1, :-1] = (mask[:-1, :-1] != mask[:-1, 1:]) | (mask[:-1, :-1] != mask[1:, :-1])
    edge[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    edge[-1, :-1] = mask[-1, :-1] != mask[-1, 1:]
    edge[:-1, -1] = mask[:-1, -1] != mask[1:, -1]
    return edge


def boundary_distances(first_boundary: np.ndarray, second_boundary: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Euclidean distance of each boundary pixel to the other boundary, px, (N,) and (M,), both sorted."""
    if not first_boundary.any() or not second_boundary.any():
        return np.full(first_boundary.sum(), np.inf), np.full(second_boundary.sum(), np.inf)
    return np.sort(distance_transform_edt(~second_boundary)[first_boundary]), np.sort(
        distance_transform_edt(~first_boundary)[second_boundary]
    )


def boundary_f(distances_px: tuple[np.ndarray, np.ndarray], tolerance_px: float) -> float:
    """F = 2PR / (P + R): P the share of the first outline within `tolerance` px of the other, R the other way."""
    if not len(distances_px[0]) or not len(distances_px[1]):
        return float(len(distances_px[0]) == len(distances_px[1]))
    precision, recall = (np.searchsorted(each, tolerance_px, side="right") / len(each) for each in distances_px)
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def hausdorff_distance(distances_px: tuple[np.ndarray, np.ndarray], quantile: float) -> float:
    """The greater of both directions' quantiles (linear between neighbours), px."""
    if not len(distances_px[0]) or not len(distances_px[1]):
        return 0.0 if len(distances_px[0]) == len(distances_px[1]) else math.nan
    return max(_quantile(each, quantile) for each in distances_px)


def chessboard_distance(mask: np.ndarray) -> np.ndarray:
    """How many 3×3 erosions each pixel of the mask survives, plus 1; 0 outside. Beyond the array is background."""
    return distance_transform_cdt(np.pad(mask, 1), metric="chessboard")[1:-1, 1:-1]


def boundary_iou(first_distance: np.ndarray, second_distance: np.ndarray, width_px: int) -> float:
    """IoU of the bands `width` px wide inside both boundaries, from `chessboard` of both (Cheng et al. 2021)."""
    bands = (first_distance > 0) & (first_distance <= width_px), (second_distance > 0) & (second_distance <= width_px)
    union = np.count_nonzero(bands[0] | bands[1])
    return np.count_nonzero(bands[0] & bands[1]) / union if union else 1.0


def _quantile(sorted_values: np.ndarray, quantile: float) -> float:
    place = quantile * (len(sorted_values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(sorted_values) - 1)
    return float(sorted_values[low] + (sorted_values[high] - sorted_values[low]) * (place - low))
