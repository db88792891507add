"""Calibration error of scores: is a mask with score 0.8 right eight times out of ten?

Expected calibration error: predictions in ten bins of score, 0–0.1 … 0.9–1; |right − score|, both means of the bin,
weighted by the number of predictions. A prediction is right where it hits an instance at IoU 0.5, matched greedily by
score as for `map-50`; what hits only instances to be ignored is left out. Source: Naeini, Cooper & Hauskrecht (2015).
Range 0 to 1, lower is better. Every score that was kept counts, whatever the score threshold. Undefined (NaN) where
nothing is predicted. Not evaluable for spatial prompts.
"""

import numpy as np
import pandas as pd

from samgap.metrics import SufficientStatistics, _pairs
from samgap.tables.matching import IOU_THRESHOLDS

UNIT = "fraction"
RANGE = (0.0, 1.0)
BY_PHRASE = True
BY_INSTANCE = False
N_BINS = 10

row_mask = _pairs.is_evaluable_phrase
not_evaluable_reason = _pairs.require_masks(_pairs.no_phrase_reason)


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    found = {name: np.zeros((len(pairs), N_BINS)) for name in ("count", "right", "score")}
    for row, (scores, hits) in enumerate(zip(pairs["scores"], pairs["hits_mask_all"], strict=True)):
        kept = np.asarray(hits, np.int64) >> len(IOU_THRESHOLDS) & 1 == 0
        score, right = np.asarray(scores, np.float64)[kept], np.asarray(hits, np.int64)[kept] & 1
        place = np.minimum((score * N_BINS).astype(np.int64), N_BINS - 1)
        found["count"][row] = np.bincount(place, minlength=N_BINS)
        found["right"][row] = np.bincount(place, weights=right, minlength=N_BINS)
        found["score"][row] = np.bincount(place, weights=score, minlength=N_BINS)
    return found


def compute(sums: SufficientStatistics) -> np.ndarray:
    return _pairs.ratio(np.abs(sums["right"] - sums["score"]).sum(axis=-1), sums["count"].sum(axis=-1))
