"""Count errors, as for an estimate of fruit load: number of predicted masks against number of instances, per phrase.

`count-error`: mean of |predictions − instances| over images and phrases. `count-error-bias`: mean of predictions −
instances, positive if too many are counted; 0 is best. `count-error-relative`: Σ |predictions − instances| / Σ
instances. Absent phrases count, with 0 instances; an image whose only instances of a phrase's nouns are `ignore` does
not count for the phrase. A correct count may be made of wrong masks, so compare `f1-50` as well. No masks are needed in
the ground truth. Not evaluable for spatial prompts, which determine the count.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import ratio
from samgap.metrics.columns import column, constant, float_column
from samgap.metrics.operating_point import PRESENCE
from samgap.metrics.reasons import no_phrase_reason
from samgap.metrics.row_masks import has_known_presence

VARIANTS = ("", "bias", "relative")
SOURCE = "the usual definitions; fruit load as in Häni et al. (2020)"


def signed_error(pairs: pd.DataFrame) -> np.ndarray:
    """Return predictions − instances, float64 (N,)."""
    return float_column(pairs, "n_predicted") - float_column(pairs, "n_truth")


def absolute_error(pairs: pd.DataFrame) -> np.ndarray:
    """Return |predictions − instances|, float64 (N,)."""
    return np.abs(signed_error(pairs))


METRICS = {
    "": ratio(
        absolute_error,
        constant,
        row_mask=has_known_presence,
        not_evaluable_reason=no_phrase_reason,
        operating_point=PRESENCE,
        label="Count MAE (instances)",
        source=SOURCE,
        needs_exhaustive_labels=True,
        unit="instances",
        value_range=(0.0, float("inf")),
        higher_is_better=False,
        decimals=2,
    ),
    "bias": ratio(
        signed_error,
        constant,
        row_mask=has_known_presence,
        not_evaluable_reason=no_phrase_reason,
        operating_point=PRESENCE,
        label="Count bias (instances)",
        source=SOURCE,
        needs_exhaustive_labels=True,
        unit="instances",
        value_range=(-float("inf"), float("inf")),
        higher_is_better=None,
        decimals=2,
    ),
    "relative": ratio(
        absolute_error,
        column("n_truth"),
        row_mask=has_known_presence,
        not_evaluable_reason=no_phrase_reason,
        operating_point=PRESENCE,
        label="Relative count error",
        source=SOURCE,
        needs_exhaustive_labels=True,
        value_range=(0.0, float("inf")),
        higher_is_better=False,
    ),
}
