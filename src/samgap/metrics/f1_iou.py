"""F1 at each IoU threshold, 0.50, 0.55 … 0.95.

As `f1-50`, which is `f1-iou-50`: 2TP / (predicted + truth) over all evaluable prompts. One assignment serves all
thresholds, as in sam3's evaluator. Source: van Rijsbergen (1979). Range 0 to 1, never rising with the threshold;
undefined (NaN) where nothing is asked for and nothing predicted.
"""

from samgap.metrics import _pairs, _ratio
from samgap.metrics._ratio import add, column
from samgap.tables.matching import IOU_THRESHOLDS

VARIANTS = ("50", "55", "60", "65", "70", "75", "80", "85", "90", "95")


def variant(name: str) -> _ratio.Ratio:
    right = _ratio.double(_ratio.true_positives_at(IOU_THRESHOLDS.index(int(name) / 100)))
    applies = _pairs.require_masks(_pairs.no_ground_truth_reason)
    return _ratio.Ratio(right, add(column("n_predicted"), column("n_truth")), _pairs.is_evaluable, applies)
