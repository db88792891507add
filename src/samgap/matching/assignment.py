"""The threshold of a match, the predictions of a prompt that count, and their one-to-one assignment to instances."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from samgap.matching.overlap import ImageOverlap
from samgap.prompts.kinds import RowKind

MATCH_THRESHOLD = 0.5
"""The IoU from which a prediction and its instance are a match."""

Assignment = tuple[np.ndarray, list[int | None]]
"""The predictions that count, and the prediction of each instance (None: no prediction)."""


@dataclass(frozen=True)
class PromptMatch:
    """A prompt with its instances and predictions, by their indices in the image's `ImageOverlap`."""

    prompt: Any
    """Row of table `prompts`, as a named tuple."""
    row_kind: RowKind
    truth_columns: np.ndarray
    """The instances of the prompt."""
    ignored_columns: np.ndarray
    """The `ignore` instances that excuse predictions of the prompt."""
    counted_rows: np.ndarray
    """The predictions that count."""
    assignment: list[int | None]
    """The prediction of each instance."""


def select_counted(
    overlap: ImageOverlap, prediction_rows: np.ndarray, row_kind: RowKind, score_threshold: float
) -> np.ndarray:
    """Return the predictions of a prompt that count, before `ignore` instances are considered.

    For a spatial prompt this is the prediction with the highest score, whatever the score, or the one after the last
    click; for other prompts, all predictions with at least the score threshold. An empty mask with the highest score
    is no prediction: the other masks of the prompt were not chosen.
    """
    scores = overlap.predictions.scores[prediction_rows]
    if not row_kind.spatial:
        return prediction_rows[scores >= score_threshold]
    if not len(prediction_rows):
        return prediction_rows
    clicks = overlap.predictions.table["clicks"].iloc[prediction_rows]
    if not clicks.isna().any():
        return prediction_rows[[int(np.argmax(clicks.to_numpy(np.int64)))]]
    chosen = prediction_rows[[int(np.argmax(scores))]]
    return chosen[overlap.predictions.areas[chosen] > 0]


def assign(
    overlap: ImageOverlap,
    prediction_rows: np.ndarray,
    truth_columns: np.ndarray,
    ious: np.ndarray,
    ignored_columns: np.ndarray,
) -> Assignment:
    """Assign predictions to instances one to one so that the total IoU is maximal (Hungarian algorithm).

    Pairs without a common pixel are not assigned.

    Args:
        overlap: of the image.
        prediction_rows: the predictions of one prompt.
        truth_columns: the instances of the prompt.
        ious: IoU of masks or boxes, (N, M) of the image.
        ignored_columns: the `ignore` instances that excuse predictions of the prompt. A prediction in their union
            without a match is left out; the others are then assigned again.

    Returns:
        The predictions that count, and the prediction of each instance.
    """
    in_ignore_region = overlap.is_in_region(ignored_columns)
    while True:
        prompt_ious = ious[np.ix_(prediction_rows, truth_columns)]
        rows, columns = linear_sum_assignment(prompt_ious, maximize=True)
        assignment: list[int | None] = [None] * len(truth_columns)
        assigned_iou = np.zeros(len(prediction_rows))
        for row, column in zip(rows, columns, strict=True):
            if prompt_ious[row, column] > 0:
                assignment[column], assigned_iou[row] = int(prediction_rows[row]), prompt_ious[row, column]
        left_out = in_ignore_region[prediction_rows] & (assigned_iou < MATCH_THRESHOLD)
        if not left_out.any():
            return prediction_rows, assignment
        prediction_rows = prediction_rows[~left_out]
