"""The score threshold of a model, chosen on validation images: the rows of table `thresholds`.

Scores of different models mean different things, so one threshold for all favours some. The chosen one has the highest
F1 at IoU 0.5 over all evaluable phrases; on a data set whose labels are not exhaustive, without predictions that are
far from every label (`f1-50-near-labels`).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from samgap.metrics.columns import sweep_column
from samgap.metrics.row_masks import is_evaluable_phrase
from samgap.statistics.strata import Cell
from samgap.tables.matching import SCORE_THRESHOLDS

Row = dict[str, Any]

CRITERION, NEAR_CRITERION = "f1-50", "f1-50-near-labels"
"""The metric that is maximal, with exhaustive labels and without."""


def choose_threshold(cell: Cell, official_score: float) -> Iterator[Row]:
    """Yield one row for each of `SCORE_THRESHOLDS`, without the columns of the cell's ids.

    Of thresholds with equal F1, the one nearest to the official threshold is chosen, and then the higher one. If no
    threshold has a match, or the cell is skipped, none is chosen, and the column `note` says why.

    Args:
        cell: the predictions of one model on the validation images.
        official_score: the official score threshold of the model.
    """
    pairs = cell.pairs[is_evaluable_phrase(cell.pairs)]
    counts = {
        "n_images": pairs["image_id"].nunique(),
        "n_truth": int(pairs["n_truth"].sum()),
        "criterion": CRITERION if cell.exhaustive else NEAR_CRITERION,
    }
    tp, predicted = (sweep_column(pairs, f"sweep_{name}").sum(axis=0) for name in ("tp", "predicted"))
    far = np.zeros(len(tp)) if cell.exhaustive else sweep_column(pairs, "sweep_far").sum(axis=0)
    note = _find_missing_reason(cell, pairs, tp)
    f1 = 2 * tp / np.maximum(predicted - far + counts["n_truth"], 1)
    chosen = None if note else _find_best(f1, official_score)
    for index, score in enumerate(SCORE_THRESHOLDS):
        near = predicted[index] - far[index]
        yield {
            "score": score,
            "is_chosen": index == chosen,
            "official_score": official_score,
            **counts,
            "tp": int(tp[index]),
            "n_predicted": int(predicted[index]),
            "n_left_out": None if cell.exhaustive else int(far[index]),
            "precision": tp[index] / near if near else None,
            "recall": tp[index] / counts["n_truth"] if counts["n_truth"] else None,
            "f1": None if note else f1[index],
            "note": note,
        }


def _find_missing_reason(cell: Cell, phrases: pd.DataFrame, tp: np.ndarray) -> str | None:
    if cell.skip_reason:
        return f"skipped: {cell.skip_reason}"
    if phrases.empty or not phrases["n_truth"].sum():
        return "not evaluable: no phrase is present in a validation image"
    return None if tp.any() else "not evaluable: no prediction matches an instance at any score"


def _find_best(f1: np.ndarray, official_score: float) -> int:
    scores = np.array(SCORE_THRESHOLDS)
    distance = np.round(np.abs(scores - official_score), 9)
    return int(np.lexsort((-scores, distance, -np.round(f1, 12)))[0])
