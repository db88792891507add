"""How well the outlines of two masks agree: boundary F, boundary IoU, Hausdorff distance.

All of them come from a few distance transforms in the box that holds both masks, never from whole images.
Two empty masks agree fully; an empty and a full one not at all, and have no distance (NaN).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_cdt, distance_transform_edt

DAVIS_TOLERANCE = 0.008
"""Of the image's diagonal, rounded up to whole px."""
BAND = 0.02
"""Of the image's diagonal, rounded to whole px, at least 1: the width of boundary IoU's bands."""
RELATIVE = 0.05
"""Of the diameter of a disk of the truth's area."""


@dataclass(frozen=True)
class Crop:
    """A mask inside its box, bool, and where in the image its first pixel is."""

    inside: np.ndarray
    top: int
    left: int


def measures(prediction: Crop, truth: Crop, height: int, width: int) -> dict[str, float]:
    """All measures of outlines, by their names in `samgap.tables.MEASURES` and `ERRORS`."""
    one, other = together(prediction, truth, height, width)
    distances = apart(boundary(one), boundary(other))
    diagonal = math.hypot(height, width)
    relative = RELATIVE * 2 * math.sqrt(truth.inside.sum() / math.pi)
    bands = chessboard(one), chessboard(other)
    return {
        **{f"boundary_f_{tolerance}px": f_score(distances, tolerance) for tolerance in (1, 2, 3, 5)},
        "boundary_f_relative": f_score(distances, relative),
        "boundary_f_davis": f_score(
            apart(davis_boundary(one), davis_boundary(other)), math.ceil(DAVIS_TOLERANCE * diagonal)
        ),
        "boundary_iou": band_iou(*bands, max(round(BAND * diagonal), 1)),
        "boundary_iou_2px": band_iou(*bands, 2),
        "hausdorff_95_px": hausdorff(distances, 0.95),
    }


def together(one: Crop, other: Crop, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Both masks in one box, with a margin of 1 px where the image goes on."""
    crops = [crop for crop in (one, other) if crop.inside.size] or [one]
    top = max(min(crop.top for crop in crops) - 1, 0)
    left = max(min(crop.left for crop in crops) - 1, 0)
    bottom = min(max(crop.top + crop.inside.shape[0] for crop in crops) + 1, height)
    right = min(max(crop.left + crop.inside.shape[1] for crop in crops) + 1, width)
    found = []
    for crop in (one, other):
        box = np.zeros((bottom - top, right - left), bool)
        rows, columns = crop.inside.shape
        if crop.inside.size:
            box[crop.top - top : crop.top - top + rows, crop.left - left : crop.left - left + columns] = crop.inside
        found.append(box)
    return found[0], found[1]


def far(one: Crop, other: Crop, tolerance: float) -> bool:
    """Are the boxes of both further apart than `tolerance` px, along rows or columns, or one of them empty?"""
    if not one.inside.size or not other.inside.size:
        return one.inside.size != other.inside.size
    gaps = [
        max(a, b) - min(a + m, b + n) + 1
        for a, m, b, n in (
            (one.top, one.inside.shape[0], other.top, other.inside.shape[0]),
            (one.left, one.inside.shape[1], other.left, other.inside.shape[1]),
        )
    ]
    return max(gaps) > tolerance


def boundary(mask: np.ndarray) -> np.ndarray:
    """The mask less its 4-connected erosion, bool (height, width).

    Outside the array counts as background, so pixels of the mask on the image's edge are boundary.
    """
    padded = np.pad(mask, 1)
    core, above, below = padded[1:-1, 1:-1], padded[:-2, 1:-1], padded[2:, 1:-1]
    return core & ~(above & below & padded[1:-1, :-2] & padded[1:-1, 2:])


def davis_boundary(mask: np.ndarray) -> np.ndarray:
    """Pixels that differ from their right, lower or lower right neighbour, bool: DAVIS's `seg2bmap` at full size."""
    edge = np.zeros_like(mask)
    edge[:-1, :-1] = (mask[:-1, :-1] != mask[:-1, 1:]) | (mask[:-1, :-1] != mask[1:, :-1])
    edge[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    edge[-1, :-1] = mask[-1, :-1] != mask[-1, 1:]
    edge[:-1, -1] = mask[:-1, -1] != mask[1:, -1]
    return edge


def apart(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Euclidean distance of each boundary pixel to the other boundary, px, (N,) and (M,), both sorted."""
    if not one.any() or not other.any():
        return np.full(one.sum(), np.inf), np.full(other.sum(), np.inf)
    return np.sort(distance_transform_edt(~other)[one]), np.sort(distance_transform_edt(~one)[other])


def f_score(distances: tuple[np.ndarray, np.ndarray], tolerance: float) -> float:
    """F = 2PR / (P + R): P the share of the first outline within `tolerance` px of the other, R the other way."""
    if not len(distances[0]) or not len(distances[1]):
        return float(len(distances[0]) == len(distances[1]))
    precision, recall = (np.searchsorted(each, tolerance, side="right") / len(each) for each in distances)
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def hausdorff(distances: tuple[np.ndarray, np.ndarray], share: float) -> float:
    """The greater of both directions' quantiles (linear between neighbours), px."""
    if not len(distances[0]) or not len(distances[1]):
        return 0.0 if len(distances[0]) == len(distances[1]) else math.nan
    return max(_quantile(each, share) for each in distances)


def chessboard(mask: np.ndarray) -> np.ndarray:
    """How many 3×3 erosions each pixel of the mask survives, plus 1; 0 outside. Beyond the array is background."""
    return distance_transform_cdt(np.pad(mask, 1), metric="chessboard")[1:-1, 1:-1]


def band_iou(one: np.ndarray, other: np.ndarray, width: int) -> float:
    """IoU of the bands `width` px wide inside both boundaries, from `chessboard` of both (Cheng et al. 2021)."""
    bands = (one > 0) & (one <= width), (other > 0) & (other <= width)
    union = np.count_nonzero(bands[0] | bands[1])
    return np.count_nonzero(bands[0] & bands[1]) / union if union else 1.0


def _quantile(ordered: np.ndarray, share: float) -> float:
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))
