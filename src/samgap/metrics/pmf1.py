"""pmF1, the positive micro F1: how well masks answer the phrases that are present in their image.

At each IoU threshold 0.50, 0.55 … 0.95: P = TP / (predicted + ε), R = TP / (truth + ε), F1 = 2PR / (P + R + ε) with
ε = 1e-4, sums over phrases with something to find; then the mean over thresholds. Source: sam3's `eval/cgf1_eval.py`
(`positive_micro_F1`), its ε included, so that a perfect answer falls short of 1 by about ε.
Range 0 to 1. Undefined (NaN; sam3 says 0) where no phrase is present in its image.
"""

import numpy as np
import pandas as pd

from samgap.metrics import SufficientStatistics, _pairs

UNIT = "fraction"
RANGE = (0.0, 1.0)
BY_PHRASE = True
BY_INSTANCE = False
EPSILON = 1e-4

not_evaluable_reason = _pairs.require_masks(_pairs.no_phrase_reason)


def row_mask(pairs: pd.DataFrame) -> np.ndarray:
    return _pairs.is_evaluable_phrase(pairs) & _pairs.is_positive(pairs)


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    return {
        "tp": _pairs.true_positives(pairs),
        "predicted": _pairs.float_column(pairs, "n_predicted"),
        "truth": _pairs.float_column(pairs, "n_truth"),
    }


def compute(sums: SufficientStatistics) -> np.ndarray:
    tp = sums["tp"]
    precision = tp / (sums["predicted"][..., None] + EPSILON)
    recall = tp / (sums["truth"][..., None] + EPSILON)
    f1 = (2 * precision * recall / (precision + recall + EPSILON)).mean(axis=-1)
    return np.where(sums["truth"] > 0, f1, np.nan)
