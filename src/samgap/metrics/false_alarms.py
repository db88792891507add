"""False positives on absent phrases: how often a model predicts masks for a phrase that is absent from the image.

`false-alarms`: the share of images and absent phrases with at least one predicted mask (the image-level false positive
rate). `false-alarms-masks`: predicted masks per absent phrase. A phrase is not absent from an image with an `ignore`
instance of its nouns. No masks are needed in the ground truth. Not evaluable without a phrase that is absent from its
image.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import ratio
from samgap.metrics.columns import column, constant, float_column
from samgap.metrics.operating_point import PRESENCE
from samgap.metrics.reasons import NO_PHRASE, is_text_prompt, no_absent_phrase_reason, no_ground_truth_reason
from samgap.metrics.row_masks import has_property, is_absent_phrase

VARIANTS = ("", "masks")
SOURCE = "IL_FPR of sam3's `eval/cgf1_eval.py`"


def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
    """Return the reason if there is no absent phrase. Unlike `no_negative_reason`, no present phrase is needed."""
    phrases = has_property(pairs, "names_concept")
    if len(pairs) and not is_text_prompt(pairs).any():
        return NO_PHRASE
    return no_ground_truth_reason(pairs[phrases]) or no_absent_phrase_reason(pairs)


def has_prediction(pairs: pd.DataFrame) -> np.ndarray:
    """Return 1 where at least one mask is predicted, else 0, float64 (N,)."""
    return (float_column(pairs, "n_predicted") > 0).astype(np.float64)


METRICS = {
    "": ratio(
        has_prediction,
        constant,
        row_mask=is_absent_phrase,
        not_evaluable_reason=not_evaluable_reason,
        operating_point=PRESENCE,
        label="False positive rate, absent phrases",
        source=SOURCE,
        higher_is_better=False,
        needs_exhaustive_labels=True,
    ),
    "masks": ratio(
        column("n_predicted"),
        constant,
        row_mask=is_absent_phrase,
        not_evaluable_reason=not_evaluable_reason,
        operating_point=PRESENCE,
        label="False masks per absent phrase",
        source=SOURCE,
        unit="masks",
        value_range=(0.0, float("inf")),
        higher_is_better=False,
        decimals=2,
        needs_exhaustive_labels=True,
    ),
}
