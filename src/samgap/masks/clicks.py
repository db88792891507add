"""Click sampling on masks: the distance transform, and the click that corrects a prediction."""

from typing import Any

import numpy as np
from scipy import ndimage


def distance_transform(mask: np.ndarray) -> np.ndarray:
    """Return the Euclidean distance of each pixel to the nearest pixel outside the mask, px.

    Args:
        mask: bool, (height, width). Everything outside the array counts as outside the mask.

    Returns:
        float64, (height, width); 0 outside the mask.
    """
    return ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]


def find_next_click(truth: np.ndarray, prediction: np.ndarray) -> dict[str, Any] | None:
    """Return the click that corrects a prediction: the deepest pixel of the missed and the false-positive regions.

    Args:
        truth: ground-truth mask, bool, (height, width).
        prediction: predicted mask, bool, (height, width).

    Returns:
        `x` and `y`, the centre of the pixel in px, and `label`: 1 if the missed region is deeper than the
        false-positive region, else 0. None if the masks are equal.

    Source: Sofiiuk, Petrov & Konushin (2022, RITM), as in
    `sam2.modeling.sam2_utils.sample_one_point_from_error_center`.
    """
    errors = truth ^ prediction
    if not errors.any():
        return None
    error_rows, error_columns = np.flatnonzero(errors.any(axis=1)), np.flatnonzero(errors.any(axis=0))
    top, left = int(error_rows[0]), int(error_columns[0])
    window = slice(top, error_rows[-1] + 1), slice(left, error_columns[-1] + 1)
    missed_depth = distance_transform((truth & ~prediction)[window])
    false_depth = distance_transform((prediction & ~truth)[window])
    is_positive = bool(missed_depth.max() > false_depth.max())
    depth = missed_depth if is_positive else false_depth
    row, column = np.unravel_index(np.argmax(depth), depth.shape)
    return {"x": left + float(column) + 0.5, "y": top + float(row) + 0.5, "label": int(is_positive)}
