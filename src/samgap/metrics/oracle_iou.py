"""Oracle IoU of ambiguous prompts: the best of all masks that a model predicts for a prompt, chosen with the truth.

For a single point SAM2 predicts three masks (whole, part, sub-part) and chooses the one with the highest predicted IoU.
`oracle-iou`: the highest IoU with the instance among all masks, mean over the prompted instances; no choice can be
better. `oracle-iou-gap`: the same minus `iou`, the loss of the choice: 0 if the best mask is always chosen. An instance
without a prediction counts 0. All other metrics are of the chosen mask. Not evaluable if no prompt has several masks:
set `keep: all-masks` in the model's entry.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import Column, ratio
from samgap.metrics.columns import column, float_column
from samgap.metrics.operating_point import ALL_SCORES, NOT_USED, OperatingPoint
from samgap.metrics.reasons import no_instance_reason, require_masks
from samgap.metrics.row_masks import has_property, is_positive

VARIANTS = ("", "gap")
NO_SPATIAL = "not evaluable: no prompt is for one instance of an image"
ONE_MASK = "not evaluable: no prompt has several masks; set `keep: all-masks` in the model's entry"


def is_single_choice(pairs: pd.DataFrame) -> np.ndarray:
    """Select evaluable prompts of one instance, without corrective clicks and tracks, bool (N,)."""
    is_series = has_property(pairs, "interactive") | has_property(pairs, "sequence")
    return is_positive(pairs) & has_property(pairs, "spatial") & ~is_series


def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
    """Return the reason if there is no such prompt, or none with several masks."""
    if reason := require_masks(no_instance_reason)(pairs):
        return reason
    rows = pairs[is_single_choice(pairs)]
    if not len(rows):
        return NO_SPATIAL
    return None if (rows["n_masks"] > 1).any() else ONE_MASK


def lost_iou(pairs: pd.DataFrame) -> np.ndarray:
    """Return the best IoU minus that of the chosen mask, float64 (N,)."""
    return float_column(pairs, "sum_best_iou") - float_column(pairs, "sum_iou")


_NUMERATORS: dict[str, tuple[Column, str, bool]] = {
    "": (column("sum_best_iou"), "IoU, best of all masks", True),
    "gap": (lost_iou, "IoU lost by the choice of mask", False),
}

METRICS = {
    variant: ratio(
        numerator,
        column("n_truth"),
        row_mask=is_single_choice,
        not_evaluable_reason=not_evaluable_reason,
        by_instance=True,
        operating_point=OperatingPoint(NOT_USED, ALL_SCORES, NOT_USED),
        higher_is_better=higher_is_better,
        label=label,
        source="best of three masks as in the SAM paper (Kirillov et al. 2023)",
    )
    for variant, (numerator, label, higher_is_better) in _NUMERATORS.items()
}
