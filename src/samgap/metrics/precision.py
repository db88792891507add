"""Precision at IoU 0.5: how many of the predicted masks are right.

TP / predicted, summed over all evaluable prompts; matching is one to one, so a second mask on one apple is false,
and so is every mask for a phrase that is absent from its image. Source: the usual definition; matching as in
sam3's evaluator. Range 0 to 1; undefined (NaN) where nothing is predicted at all.
"""

import numpy as np
import pandas as pd

from samgap.metrics import Terms, _pairs

UNIT = "fraction"
RANGE = (0.0, 1.0)
BY_PHRASE = True
BY_INSTANCE = False

rests_on = _pairs.evaluable
applies = _pairs.masked(_pairs.without_answer)


def terms(pairs: pd.DataFrame) -> Terms:
    return {"tp": _pairs.hits_50(pairs), "predicted": _pairs.column(pairs, "n_predicted")}


def value(sums: Terms) -> np.ndarray:
    return _pairs.ratio(sums["tp"], sums["predicted"])
