"""Presence accuracy: how often the predictions agree with the presence of a phrase in the image.

The share of images and phrases where "at least one mask predicted" equals "present". A model that predicts a mask for
every phrase scores the share of present phrases, so compare `il-mcc` as well. An image whose only instances of a
phrase's nouns are `ignore` does not count for the phrase, as its presence is unknown. No masks are needed in the ground
truth. Not evaluable without a phrase that is absent from its image.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import ratio
from samgap.metrics.columns import constant, float_column
from samgap.metrics.operating_point import PRESENCE
from samgap.metrics.reasons import no_negative_reason
from samgap.metrics.row_masks import has_known_presence


def is_presence_correct(pairs: pd.DataFrame) -> np.ndarray:
    """Return 1 where prediction and ground truth agree on presence, else 0, float64 (N,)."""
    predicted, present = (float_column(pairs, name) > 0 for name in ("n_predicted", "n_truth"))
    return (predicted == present).astype(np.float64)


METRICS = {
    "": ratio(
        is_presence_correct,
        constant,
        row_mask=has_known_presence,
        not_evaluable_reason=no_negative_reason,
        by_phrase=False,
        needs_exhaustive_labels=True,
        operating_point=PRESENCE,
        higher_is_better=True,
        label="Presence accuracy",
        source="the image-level counts of sam3's `eval/cgf1_eval.py`",
    )
}
