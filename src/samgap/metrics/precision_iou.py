"""Precision at each IoU threshold, 0.50, 0.55 … 0.95: `precision-iou-75` counts masks that reach an IoU of 0.75.

As `precision`, which is `precision-iou-50`: TP / predicted over all evaluable prompts. One assignment serves all
thresholds, as in sam3's evaluator. Source: the usual definition. Range 0 to 1, never rising with the threshold;
undefined (NaN) where nothing is predicted.
"""

from samgap.metrics import _pairs, _ratio
from samgap.tables.matching import IOU_THRESHOLDS

VARIANTS = ("50", "55", "60", "65", "70", "75", "80", "85", "90", "95")


def variant(name: str) -> _ratio.Ratio:
    right = _ratio.true_positives_at(IOU_THRESHOLDS.index(int(name) / 100))
    return _ratio.Ratio(
        right, _ratio.column("n_predicted"), _pairs.is_evaluable, _pairs.require_masks(_pairs.no_ground_truth_reason)
    )
