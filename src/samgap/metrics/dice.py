"""Mean Dice over the instances asked for, each with the one prediction assigned to it.

Dice = 2|A∩B| / (|A| + |B|).
Source: Dice (1945).
Range 0 to 1. Disjoint masks 0, equal masks 1; never below the IoU.
An instance that nothing answers counts 0, whether asked for by box or by phrase: both share one definition.
Not evaluable where no labelled instance is asked for; phrases absent from their image do not count here.
"""

import numpy as np
import pandas as pd

from samgap.metrics import SufficientStatistics, _pairs

UNIT = "fraction"
RANGE = (0.0, 1.0)
BY_PHRASE = True
BY_INSTANCE = True

row_mask = _pairs.is_positive
not_evaluable_reason = _pairs.require_masks(_pairs.no_instance_reason)


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    return {"sum": _pairs.float_column(pairs, "sum_dice"), "truth": _pairs.float_column(pairs, "n_truth")}


def compute(sums: SufficientStatistics) -> np.ndarray:
    return _pairs.ratio(sums["sum"], sums["truth"])
