"""Recall at IoU 0.5: how many of the instances asked for are found.

TP / truth, summed over all evaluable prompts; matching is one to one. Source: the usual definition; matching as in
sam3's evaluator. Range 0 to 1. Not evaluable where no labelled instance is asked for.
"""

import numpy as np
import pandas as pd

from samgap.metrics import Terms, _pairs

UNIT = "fraction"
RANGE = (0.0, 1.0)
BY_PHRASE = True
BY_INSTANCE = True

rests_on = _pairs.evaluable
applies = _pairs.masked(_pairs.without_truth)


def terms(pairs: pd.DataFrame) -> Terms:
    return {"tp": _pairs.hits_50(pairs), "truth": _pairs.column(pairs, "n_truth")}


def value(sums: Terms) -> np.ndarray:
    return _pairs.ratio(sums["tp"], sums["truth"])
