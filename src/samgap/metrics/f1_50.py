"""F1 at IoU 0.5: precision and recall in one.

2TP / (predicted + truth), summed over all evaluable prompts; masks for a phrase that is absent from its image are
false. Source: van Rijsbergen (1979); matching as in sam3's evaluator. Range 0 to 1; undefined (NaN) where nothing is
asked for and nothing predicted.
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
    both = _pairs.float_column(pairs, "n_predicted") + _pairs.float_column(pairs, "n_truth")
    return {"tp": _pairs.true_positives_50(pairs), "both": both}


def compute(sums: SufficientStatistics) -> np.ndarray:
    return _pairs.ratio(2 * sums["tp"], sums["both"])
