"""Recall at each IoU threshold, 0.50, 0.55 … 0.95: `recall-iou-75` counts instances found at an IoU of 0.75.

As `recall`, which is `recall-iou-50`: TP / truth over all evaluable prompts. One assignment serves all thresholds, as
in sam3's evaluator. Source: the usual definition. Range 0 to 1, never rising with the threshold. Not evaluable where
no labelled instance is asked for.
"""

from samgap.metrics import _pairs, _ratio
from samgap.tables.matching import IOU_THRESHOLDS

VARIANTS = ("50", "55", "60", "65", "70", "75", "80", "85", "90", "95")


def variant(name: str) -> _ratio.Ratio:
    right, applies = (
        _ratio.true_positives_at(IOU_THRESHOLDS.index(int(name) / 100)),
        _pairs.require_masks(_pairs.no_instance_reason),
    )
    return _ratio.Ratio(right, _ratio.column("n_truth"), _pairs.is_evaluable, applies, BY_INSTANCE=True)
