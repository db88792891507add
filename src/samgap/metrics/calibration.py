"""Expected calibration error (ECE) of scores: how far a score is from the probability that the mask is correct.

Predictions are put into ten bins by score, 0–0.1 … 0.9–1. The error is |share correct − mean score| per bin, weighted
by the number of predictions. A prediction is correct if it matches an instance at IoU 0.5, greedily by score as for
`map-50`; those without a match that lie at least half in `ignore` instances of the phrase's nouns are left out. Every
stored score counts, independently of the score threshold. Undefined (NaN) if there is no prediction. There is neither
interval nor test, as none holds its level ([statistics](statistics.md)). Not evaluable for spatial prompts.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import SufficientStatistics, SumMetric, divide
from samgap.metrics.operating_point import ALL_SCORES, OperatingPoint
from samgap.metrics.reasons import no_phrase_reason, require_masks
from samgap.metrics.row_masks import is_evaluable_phrase

N_BINS = 10


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    """Return number, number correct and sum of scores of the predictions per bin, float64 (N, bins) each."""
    sums = {name: np.zeros((len(pairs), N_BINS)) for name in ("count", "correct", "score")}
    rows = zip(pairs["scores"], pairs["hits_mask_all"], pairs["excused"], strict=True)
    for row, (scores, hits, excused) in enumerate(rows):
        counted = ~np.asarray(excused, bool)
        # The lowest bit of `hits_mask_all` is the match at IoU 0.5 (samgap.matching.coco).
        score, correct = np.asarray(scores, np.float64)[counted], np.asarray(hits, np.int64)[counted] & 1
        bins = np.minimum((score * N_BINS).astype(np.int64), N_BINS - 1)
        sums["count"][row] = np.bincount(bins, minlength=N_BINS)
        sums["correct"][row] = np.bincount(bins, weights=correct, minlength=N_BINS)
        sums["score"][row] = np.bincount(bins, weights=score, minlength=N_BINS)
    return sums


def compute(sums: SufficientStatistics) -> np.ndarray:
    """Return the ECE of summed bins, float64 (R,)."""
    return divide(np.abs(sums["correct"] - sums["score"]).sum(axis=-1), sums["count"].sum(axis=-1))


METRICS = {
    "": SumMetric(
        sufficient_statistics=sufficient_statistics,
        compute=compute,
        row_mask=is_evaluable_phrase,
        not_evaluable_reason=require_masks(no_phrase_reason),
        operating_point=OperatingPoint("0.50", ALL_SCORES),
        label="ECE",
        source="Naeini, Cooper & Hauskrecht (2015)",
        higher_is_better=False,
        no_interval="the error of a sample is larger than that of the population, by an amount that resamples misjudge",
        needs_exhaustive_labels=True,
    )
}
