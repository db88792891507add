"""Recall at IoU 0.5: how many of the instances asked for are found.

TP / truth, summed over all evaluable prompts; matching is one to one. Source: the usual definition; matching as in
sam3's evaluator. Range 0 to 1. Not evaluable where no labelled instance is asked for.
"""

import numpy as np
import pandas as pd

from samgap.metrics import SufficientStatistics, _pairs

UNIT = "fraction"
RANGE = (0.0, 1.0)
BY_PHRASE = True
BY_INSTANCE = True

row_mask = _pairs.is_evaluable
not_evaluable_reason = _pairs.require_masks(_pairs.no_instance_reason)


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    return {"tp": _pairs.true_positives_50(pairs), "truth": _pairs.float_column(pairs, "n_truth")}


def compute(sums: SufficientStatistics) -> np.ndarray:
    return _pairs.ratio(sums["tp"], sums["truth"])
