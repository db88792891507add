"""pmF1, the positive micro F1: how well masks answer the phrases that are present in their image.

At each IoU threshold 0.50, 0.55 … 0.95: P = TP / (predicted + ε), R = TP / (truth + ε), F1 = 2PR / (P + R + ε) with
ε = 1e-4, sums over phrases with something to find; then the mean over thresholds. Source: sam3's `eval/cgf1_eval.py`
(`positive_micro_F1`), its ε included, so that a perfect answer falls short of 1 by about ε.
Range 0 to 1. Undefined (NaN; sam3 says 0) where no phrase is present in its image.
"""

import numpy as np
import pandas as pd

from samgap.metrics import Terms, _pairs

UNIT = "fraction"
RANGE = (0.0, 1.0)
BY_PHRASE = True
BY_INSTANCE = False
EPSILON = 1e-4

applies = _pairs.masked(_pairs.without_concept)


def rests_on(pairs: pd.DataFrame) -> np.ndarray:
    return _pairs.phrases(pairs) & _pairs.positive(pairs)


def terms(pairs: pd.DataFrame) -> Terms:
    return {
        "tp": _pairs.hits(pairs),
        "predicted": _pairs.column(pairs, "n_predicted"),
        "truth": _pairs.column(pairs, "n_truth"),
    }


def value(sums: Terms) -> np.ndarray:
    tp = sums["tp"]
    precision = tp / (sums["predicted"][..., None] + EPSILON)
    recall = tp / (sums["truth"][..., None] + EPSILON)
    f1 = (2 * precision * recall / (precision + recall + EPSILON)).mean(axis=-1)
    return np.where(sums["truth"] > 0, f1, np.nan)
