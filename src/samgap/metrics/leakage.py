"""Leakage: how much of the masks of unannotated things (leaf, branch) lies on annotated instances.

The share of such a mask on any annotated instance, `ignore` or not, mean over the masks predicted for prompts of kind
`other`. (The paper prompts for leaves and branches, but only fruit is annotated.) Images of which labels could not be
used are left out; leakage onto an object without a label is not seen. Undefined (NaN) if there is no prediction. Not
evaluable without such prompts.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import ratio
from samgap.metrics.columns import column
from samgap.metrics.operating_point import COUNTED, NOT_USED, OperatingPoint
from samgap.metrics.reasons import LOST_LABELS, NO_PHRASE, is_text_prompt
from samgap.metrics.row_masks import has_lost_labels, has_property

NO_UNLABELLED_CONCEPT = "not evaluable: no prompt names something that is present but not labelled"


def is_unlabelled_concept(pairs: pd.DataFrame) -> np.ndarray:
    """Select prompts for things that are present but not annotated, in images without lost labels, bool (N,)."""
    return has_property(pairs, "unlabelled") & ~has_lost_labels(pairs)


def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
    """Return the reason if there is no prompt of kind `other`."""
    if len(pairs) and not is_text_prompt(pairs).any():
        return NO_PHRASE
    if not has_property(pairs, "unlabelled").any():
        return NO_UNLABELLED_CONCEPT
    return None if is_unlabelled_concept(pairs).any() else LOST_LABELS


METRICS = {
    "": ratio(
        column("sum_leak"),
        column("n_predicted"),
        row_mask=is_unlabelled_concept,
        not_evaluable_reason=not_evaluable_reason,
        needs_exhaustive_labels=True,
        operating_point=OperatingPoint(NOT_USED, ignore=COUNTED),
        label="Leakage",
        source="this project",
        higher_is_better=False,
    )
}
