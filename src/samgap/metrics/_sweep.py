"""Precision, recall and F1 of phrases at a score threshold."""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs
from samgap.metrics._ratio import Column, Ratio, add, column, double
from samgap.tables.matching import SCORE_THRESHOLDS

_not_evaluable_reason = _pairs.require_masks(_pairs.no_phrase_reason)


def swept_column(column_name: str, score_threshold: float) -> Column:
    """A swept column of table `pairs` at `score`, one of `SCORES`."""
    place = SCORE_THRESHOLDS.index(score_threshold)

    def column(pairs: pd.DataFrame) -> np.ndarray:
        return np.array(pairs[column_name].tolist(), np.float64).reshape(len(pairs), len(SCORE_THRESHOLDS))[:, place]

    return column


def precision(score_threshold: float) -> Ratio:
    return Ratio(
        swept_column("sweep_tp", score_threshold),
        swept_column("sweep_predicted", score_threshold),
        _pairs.is_evaluable_phrase,
        _not_evaluable_reason,
    )


def recall(score_threshold: float) -> Ratio:
    return Ratio(
        swept_column("sweep_tp", score_threshold), column("n_truth"), _pairs.is_evaluable_phrase, _not_evaluable_reason
    )


def f1(score_threshold: float) -> Ratio:
    whole = add(swept_column("sweep_predicted", score_threshold), column("n_truth"))
    return Ratio(
        double(swept_column("sweep_tp", score_threshold)), whole, _pairs.is_evaluable_phrase, _not_evaluable_reason
    )
