"""Precision at IoU 0.5: how many of the predicted masks are right.

TP / predicted, summed over all evaluable prompts; matching is one to one, so a second mask on one apple is false,
and so is every mask for a phrase that is absent from its image. Source: the usual definition; matching as in
sam3's evaluator. Range 0 to 1; undefined (NaN) where nothing is predicted at all.
"""

import numpy as np
import pandas as pd

from samgap.metrics import SufficientStatistics, _pairs

UNIT = "fraction"
RANGE = (0.0, 1.0)
BY_PHRASE = True
BY_INSTANCE = False

row_mask = _pairs.is_evaluable
not_evaluable_reason = _pairs.require_masks(_pairs.no_ground_truth_reason)


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    return {"tp": _pairs.true_positives_50(pairs), "predicted": _pairs.float_column(pairs, "n_predicted")}


def compute(sums: SufficientStatistics) -> np.ndarray:
    return _pairs.ratio(sums["tp"], sums["predicted"])
