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
    applies = _pairs.masked(_pairs.without_truth)
    return _ratio.Ratio(total, _ratio.of("n_truth"), _pairs.positive, applies, BY_INSTANCE=True)


def total(pairs: pd.DataFrame, prefix: str = "sum_") -> np.ndarray:
    return sum((weight * _pairs.column(pairs, prefix + name) for name, weight in WEIGHTS.items()), np.zeros(len(pairs)))
