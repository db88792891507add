"""IL_MCC, the image-level Matthews correlation: does a model know whether a phrase is there at all?

Over pairs of image and phrase, "any mask predicted" against "present":
(TP·TN − FP·FN) / (√((TP+FP)(TP+FN)(TN+FP)(TN+FN)) + ε), ε = 1e-6. Source: sam3's `eval/cgf1_eval.py`, its ε included;
Matthews (1975). Range −1 to 1; 0 where a row or column of the table is empty (say, masks for every phrase).
Not evaluable where no phrase is asked that is absent from its image: it would be 0 whatever the model does.
"""

import numpy as np
import pandas as pd

from samgap.metrics import SufficientStatistics, _pairs

UNIT = "fraction"
RANGE = (-1.0, 1.0)
BY_PHRASE = False
BY_INSTANCE = False
EPSILON = 1e-6

row_mask = _pairs.is_evaluable_phrase
not_evaluable_reason = _pairs.no_negative_reason


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    present, said = _pairs.float_column(pairs, "n_truth") > 0, _pairs.float_column(pairs, "n_predicted") > 0
    counts = {"tp": present & said, "fp": ~present & said, "tn": ~present & ~said, "fn": present & ~said}
    return {name: count.astype(np.float64) for name, count in counts.items()}


def compute(sums: SufficientStatistics) -> np.ndarray:
    tp, fp, tn, fn = (sums[name] for name in ("tp", "fp", "tn", "fn"))
    scale = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return (tp * tn - fp * fn) / (scale + EPSILON)
