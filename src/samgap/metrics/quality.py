"""The quality score of the paper's published repository, computed on correctly assigned masks.

0.5 · IoU + 0.3 · boundary F at 2 px + 0.2 · Dice, mean over the prompted instances, each with the prediction that is
assigned to it. `upstream-quality` pairs masks by index, as the repository does. An instance without an assigned
prediction counts 0. Not evaluable if no annotated instance is prompted.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import ratio
from samgap.metrics.columns import column, float_column
from samgap.metrics.operating_point import ASSIGNMENT
from samgap.metrics.reasons import no_instance_reason, require_masks
from samgap.metrics.row_masks import is_positive

WEIGHTS = {"iou": 0.5, "boundary_f_2px": 0.3, "dice": 0.2}


def weighted_score(pairs: pd.DataFrame, column_prefix: str = "sum_") -> np.ndarray:
    """Return the weighted sum of the three measures of each row, float64 (N,)."""
    return sum(
        (weight * float_column(pairs, column_prefix + name) for name, weight in WEIGHTS.items()),
        np.zeros(len(pairs)),
    )


METRICS = {
    "": ratio(
        weighted_score,
        column("n_truth"),
        row_mask=is_positive,
        not_evaluable_reason=require_masks(no_instance_reason),
        by_instance=True,
        operating_point=ASSIGNMENT,
        higher_is_better=True,
        label="Quality score",
        source="the paper's published repository",
    )
}
