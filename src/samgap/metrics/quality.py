"""The published repository's quality score, on correctly matched masks.

0.5 · IoU + 0.3 · boundary F at 2 px + 0.2 · Dice, mean over the instances asked for, each with the one prediction
assigned to it. Source: the paper's published repository; its own pairing is `upstream-quality`. Range 0 to 1. An
instance that nothing answers counts 0. Not evaluable where no labelled instance is asked for.
"""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio

VARIANTS = ("",)
WEIGHTS = {"iou": 0.5, "boundary_f_2px": 0.3, "dice": 0.2}


def variant(name: str) -> _ratio.Ratio:
    applies = _pairs.require_masks(_pairs.no_instance_reason)
    return _ratio.Ratio(weighted_score, _ratio.column("n_truth"), _pairs.is_positive, applies, BY_INSTANCE=True)


def weighted_score(pairs: pd.DataFrame, column_prefix: str = "sum_") -> np.ndarray:
    return sum(
        (weight * _pairs.float_column(pairs, column_prefix + name) for name, weight in WEIGHTS.items()),
        np.zeros(len(pairs)),
    )
