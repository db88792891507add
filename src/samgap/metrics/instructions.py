"""Instructions ("the apples that could be picked today"): union of all masks against union of the target instances.

`instructions-giou`: mean over images and instructions of the IoU of both unions, 1 if both are empty.
`instructions-ciou`: Σ intersection / Σ union. `instructions-p50`: the share with an IoU above 0.5. Not evaluable
without a phrase that has a level. An image whose only instances of an instruction's nouns are `ignore` does not count
for it.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import divide, ratio
from samgap.metrics.columns import column, constant, float_column
from samgap.metrics.coverage import union_px
from samgap.metrics.operating_point import EXCUSED_UNKNOWN, PRESENCE, OperatingPoint
from samgap.metrics.reasons import no_phrase_reason, require_masks
from samgap.metrics.row_masks import has_known_presence, is_evaluable_phrase

VARIANTS = ("giou", "ciou", "p50")
SOURCE = "gIoU and cIoU of referring segmentation (Liu et al. 2023, GRES; Lai et al. 2024, LISA); levels as in SAM3-I"


NO_INSTRUCTION = "not evaluable: no phrase is tagged as an instruction"
NO_KNOWN_PRESENCE = "not evaluable: the only instances of each instruction's nouns are marked `ignore`"


def is_instruction(pairs: pd.DataFrame) -> np.ndarray:
    """Select evaluable phrases with an instruction level, bool (N,)."""
    return has_known_presence(pairs) & _is_tagged(pairs)


def no_instruction_reason(pairs: pd.DataFrame) -> str | None:
    """Return the reason if no phrase with a level is known to be present in, or absent from, an image."""
    reason = no_phrase_reason(pairs)
    if reason or is_instruction(pairs).any():
        return reason
    has_tagged = (is_evaluable_phrase(pairs) & _is_tagged(pairs)).any()
    return NO_KNOWN_PRESENCE if has_tagged else NO_INSTRUCTION


def _is_tagged(pairs: pd.DataFrame) -> np.ndarray:
    return pairs["level"].notna().to_numpy(bool)


def union_iou(pairs: pd.DataFrame) -> np.ndarray:
    """Return the IoU of both unions, 1 if both are empty, float64 (N,)."""
    iou = divide(float_column(pairs, "common_px"), union_px(pairs))
    return np.where(np.isnan(iou), 1.0, iou)


def is_union_iou_above_50(pairs: pd.DataFrame) -> np.ndarray:
    """Return 1 where the IoU of both unions is above 0.5, else 0, float64 (N,)."""
    return (union_iou(pairs) > 0.5).astype(np.float64)


_RATIOS = {
    "giou": (union_iou, constant, "gIoU, instructions"),
    "ciou": (column("common_px"), union_px, "cIoU, instructions"),
    "p50": (is_union_iou_above_50, constant, "P@0.5, instructions"),
}

_OPERATING_POINTS = {
    "giou": PRESENCE,
    "ciou": PRESENCE,
    "p50": OperatingPoint("> 0.50, unions", ignore=EXCUSED_UNKNOWN),
}

METRICS = {
    variant: ratio(
        numerator,
        denominator,
        row_mask=is_instruction,
        not_evaluable_reason=require_masks(no_instruction_reason),
        operating_point=_OPERATING_POINTS[variant],
        higher_is_better=True,
        label=label,
        source=SOURCE,
        needs_exhaustive_labels=True,
    )
    for variant, (numerator, denominator, label) in _RATIOS.items()
}
