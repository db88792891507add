"""Concept recall: how many instances of a named concept are found, at IoU 0.5.

TP / (TP + FN) over phrases that are present in their image, one to one. Source: the paper's "concept recall"; its
published repository lets one prediction answer several instances, which is corrected here. Range 0 to 1.
Not evaluable for spatial prompts: they name no concept.
"""

import numpy as np
import pandas as pd

from samgap.metrics import Terms, _pairs

UNIT = "fraction"
RANGE = (0.0, 1.0)
BY_PHRASE = True
BY_INSTANCE = True

applies = _pairs.masked(_pairs.without_concept)


def rests_on(pairs: pd.DataFrame) -> np.ndarray:
    return _pairs.phrases(pairs) & _pairs.positive(pairs)


def terms(pairs: pd.DataFrame) -> Terms:
    return {"tp": _pairs.hits_50(pairs), "truth": _pairs.column(pairs, "n_truth")}


def value(sums: Terms) -> np.ndarray:
    return _pairs.ratio(sums["tp"], sums["truth"])
