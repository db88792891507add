"""The counts of a phrase at other score thresholds than the official one; columns of table `pairs`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from samgap.errors import UserError
from samgap.matching.assignment import PromptMatch, assign
from samgap.matching.overlap import ImageOverlap
from samgap.tables.matching import IOU_THRESHOLDS, SCORE_THRESHOLDS


@dataclass(frozen=True)
class Counts:
    """The counts of a phrase at one score threshold."""

    n_predicted: int
    n_far: int
    tp: list[int]
    """True positives at each of `IOU_THRESHOLDS`."""


class ThresholdCounter:
    """Counts the predictions of one phrase at any score threshold; they are assigned anew for each.

    Args:
        match: the phrase with its instances.
        overlap: of the image.
        prediction_rows: all predictions of the phrase.
        far_rows: those that are far from every label.
    """

    def __init__(
        self, match: PromptMatch, overlap: ImageOverlap, prediction_rows: np.ndarray, far_rows: Iterable[int]
    ) -> None:
        self._match, self._overlap, self._prediction_rows = match, overlap, prediction_rows
        self._scores, self._far_rows = overlap.predictions.scores[prediction_rows], set(far_rows)
        self._counts_by_length: dict[int, Counts] = {}

    def count(self, score_threshold: float) -> Counts:
        """Count the predictions with at least a score."""
        rows = self._prediction_rows[self._scores >= score_threshold]
        # Thresholds with the same number of predictions have the same predictions.
        if len(rows) not in self._counts_by_length:
            self._counts_by_length[len(rows)] = self._count_rows(rows)
        return self._counts_by_length[len(rows)]

    def _count_rows(self, rows: np.ndarray) -> Counts:
        overlap, truth_columns = self._overlap, self._match.truth_columns
        counted, assignment = assign(overlap, rows, truth_columns, overlap.iou, self._match.ignored_columns)
        pairs = zip(assignment, truth_columns, strict=True)
        ious = np.array([overlap.iou[pair] for pair in pairs if pair[0] is not None], np.float64)
        tp = (ious[:, None] >= IOU_THRESHOLDS).sum(axis=0).tolist()
        return Counts(len(counted), len(self._far_rows & set(counted.tolist())), tp)


def sweep_score_thresholds(counter: ThresholdCounter) -> dict[str, Sequence[int]]:
    """Return the numbers of matches at IoU 0.5, of counted and of far predictions at each of `SCORE_THRESHOLDS`."""
    counts = [counter.count(score_threshold) for score_threshold in SCORE_THRESHOLDS]
    return {
        "sweep_tp": [each.tp[0] for each in counts],
        "sweep_predicted": [each.n_predicted for each in counts],
        "sweep_far": [each.n_far for each in counts],
    }


def count_at_chosen_score(counter: ThresholdCounter, chosen_score: float | None) -> dict[str, Any]:
    """Return the columns `chosen_…`; none if no threshold was chosen."""
    if chosen_score is None:
        return {}
    counts = counter.count(chosen_score)
    return {
        "chosen_score": chosen_score,
        "chosen_predicted": counts.n_predicted,
        "chosen_far": counts.n_far,
        "chosen_tp": counts.tp,
    }


def read_chosen_score(thresholds: pd.DataFrame) -> float | None:
    """Return the chosen threshold of a model's table `thresholds`; None if none was chosen.

    Raises:
        UserError: More than one is chosen.
    """
    chosen = thresholds.loc[thresholds["is_chosen"], "score"]
    if len(chosen) > 1:
        raise UserError(f"table thresholds: {len(chosen)} thresholds are chosen instead of one; make the table again")
    return float(chosen.iat[0]) if len(chosen) else None
