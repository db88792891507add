"""Pixel IoU: IoU of the union of all predicted masks with the union of all prompted instances.

Σ |P ∩ T| / Σ |P ∪ T| over images and phrases, present or absent; P and T are the unions of a prompt's masks. Large
instances have more weight; split or merged masks are not penalised. Undefined (NaN) if there are neither predictions
nor instances.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import ratio
from samgap.metrics.columns import column, float_column
from samgap.metrics.operating_point import NO_MATCH
from samgap.metrics.reasons import no_phrase_reason, require_masks
from samgap.metrics.row_masks import is_evaluable_phrase


def union_px(pairs: pd.DataFrame) -> np.ndarray:
    """Return |P ∪ T| in px, float64 (N,)."""
    total_px = float_column(pairs, "truth_px") + float_column(pairs, "predicted_px")
    return total_px - float_column(pairs, "common_px")


METRICS = {
    "": ratio(
        column("common_px"),
        union_px,
        row_mask=is_evaluable_phrase,
        needs_exhaustive_labels=True,
        not_evaluable_reason=require_masks(no_phrase_reason),
        operating_point=NO_MATCH,
        higher_is_better=True,
        label="Pixel IoU",
        source='pixel IoU of MinneApple\'s semantic segmentation (Häni et al. 2020), for the phrase "apple"',
    )
}
