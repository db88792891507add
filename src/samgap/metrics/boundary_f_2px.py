"""Mean boundary F at 2 px over the instances asked for, each with the one prediction assigned to it.

F = 2PR / (P + R): P the share of the prediction's boundary within 2 px (Euclidean) of the truth's, R the other way.
A boundary is the mask less its 4-connected erosion; outside the image is background.
Source: Martin, Fowlkes & Malik (2004); tolerance and boundary as in the paper's published repository.
Range 0 to 1. At apple scale 2 px is strict for large apples and lenient for small ones.
An instance that nothing answers counts 0, whether asked for by box or by phrase: both share one definition.
Not evaluable where no labelled instance is asked for; phrases absent from their image do not count here.
"""

import numpy as np
import pandas as pd

from samgap.metrics import Terms, _pairs

UNIT = "fraction"
RANGE = (0.0, 1.0)
BY_PHRASE = True

rests_on = _pairs.positive
applies = _pairs.without_truth


def terms(pairs: pd.DataFrame) -> Terms:
    return {"sum": _pairs.column(pairs, "sum_boundary_f_2px"), "truth": _pairs.column(pairs, "n_truth")}


def value(sums: Terms) -> np.ndarray:
    return _pairs.ratio(sums["sum"], sums["truth"])
