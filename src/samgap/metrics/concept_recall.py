"""Concept recall: how many instances of a named concept are found, at IoU 0.5.

TP / (TP + FN) over phrases that are present in their image, one to one. Source: the paper's "concept recall"; its
published repository lets one prediction answer several instances, which is corrected here. Range 0 to 1.
Not evaluable for spatial prompts: they name no concept.
"""

import numpy as np
import pandas as pd

from samgap.metrics import SufficientStatistics, _pairs

UNIT = "fraction"
RANGE = (0.0, 1.0)
BY_PHRASE = True
BY_INSTANCE = True

not_evaluable_reason = _pairs.require_masks(_pairs.no_phrase_reason)


def row_mask(pairs: pd.DataFrame) -> np.ndarray:
    return _pairs.is_evaluable_phrase(pairs) & _pairs.is_positive(pairs)


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    return {"tp": _pairs.true_positives_50(pairs), "truth": _pairs.float_column(pairs, "n_truth")}


def compute(sums: SufficientStatistics) -> np.ndarray:
    return _pairs.ratio(sums["tp"], sums["truth"])
