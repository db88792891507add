"""pmF1, the positive micro F1: how well masks match the phrases that are present in their image.

At each IoU threshold 0.50, 0.55 … 0.95: P = TP / (predictions + ε), R = TP / (instances + ε), F1 = 2PR / (P + R + ε)
with ε = 1e-4 and sums over present phrases; then the mean over thresholds. Because of ε, a perfect prediction has a
value below 1 by about ε. Undefined (NaN; 0 in sam3) if no phrase is present in its image.

`pmf1-chosen` counts predictions of phrases from the chosen score threshold on (section `thresholds`).
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import SufficientStatistics, SumMetric
from samgap.metrics.chosen_score import at_chosen_score
from samgap.metrics.columns import float_column, true_positives
from samgap.metrics.operating_point import MATCH_ALL
from samgap.metrics.reasons import no_phrase_reason, require_masks
from samgap.metrics.row_masks import is_present_phrase

EPSILON = 1e-4
SOURCE = "`positive_micro_F1` of sam3's `eval/cgf1_eval.py`, including ε"


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    """Return TP per IoU threshold, float64 (N, 10), and the numbers of predictions and instances, float64 (N,)."""
    return {
        "tp": true_positives(pairs),
        "predicted": float_column(pairs, "n_predicted"),
        "truth": float_column(pairs, "n_truth"),
    }


def compute(sums: SufficientStatistics) -> np.ndarray:
    """Return pmF1 of summed statistics, float64 (R,)."""
    tp = sums["tp"]
    precision = tp / (sums["predicted"][..., None] + EPSILON)
    recall = tp / (sums["truth"][..., None] + EPSILON)
    f1 = (2 * precision * recall / (precision + recall + EPSILON)).mean(axis=-1)
    return np.where(sums["truth"] > 0, f1, np.nan)


VARIANTS = ("", "chosen")

METRICS = {
    "": SumMetric(
        sufficient_statistics=sufficient_statistics,
        compute=compute,
        # Each F1 is 2TP / (predictions + instances).
        mean_weights=lambda sums: sums["predicted"] + sums["truth"],
        row_mask=is_present_phrase,
        not_evaluable_reason=require_masks(no_phrase_reason),
        operating_point=MATCH_ALL,
        higher_is_better=True,
        label="pmF1",
        source=SOURCE,
        needs_exhaustive_labels=True,
    )
}
METRICS["chosen"] = at_chosen_score(METRICS[""])
