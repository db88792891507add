"""Mean Dice over the instances asked for, each with the one prediction assigned to it.

Dice = 2|A∩B| / (|A| + |B|).
Source: Dice (1945).
Range 0 to 1. Disjoint masks 0, equal masks 1; never below the IoU.
An instance that nothing answers counts 0, whether asked for by box or by phrase: both share one definition.
Not evaluable where no labelled instance is asked for; phrases absent from their image do not count here.
"""

import numpy as np
import pandas as pd

from samgap.metrics import Terms, _pairs

UNIT = "fraction"
RANGE = (0.0, 1.0)
BY_PHRASE = True
BY_INSTANCE = True

rests_on = _pairs.positive
applies = _pairs.masked(_pairs.without_truth)


def terms(pairs: pd.DataFrame) -> Terms:
    return {"sum": _pairs.column(pairs, "sum_dice"), "truth": _pairs.column(pairs, "n_truth")}


def value(sums: Terms) -> np.ndarray:
    return _pairs.ratio(sums["sum"], sums["truth"])
