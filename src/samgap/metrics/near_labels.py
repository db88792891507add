"""The predictions that are near to a label, for data sets whose labels are not exhaustive."""

import numpy as np
import pandas as pd

from samgap.metrics.base import Column
from samgap.metrics.columns import column, float_column

SOURCE = "this project; the definition without the restriction is the usual one"

count_far: Column = column("n_far")


def count_near(pairs: pd.DataFrame) -> np.ndarray:
    """Return the number of counted predictions that are near to a labelled instance, float64 (N,)."""
    return float_column(pairs, "n_predicted") - float_column(pairs, "n_far")
