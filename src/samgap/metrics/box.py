"""Boxes in place of masks: mean IoU of boxes, and precision, recall and F1 at a box IoU of 0.5.

Boxes are matched one to one as masks are, by their own IoU, apart from the masks; a prediction's box is the one that
the model gave. `iou` is the mean over the instances asked for of the box IoU with the prediction that the masks are
assigned to (where the truth has masks). Source: as for `iou`, `precision`, `recall` and `f1-50`. Range 0 to 1. Needs
no masks in the ground truth; the other edge cases are those of the metrics for masks.
"""

from samgap.metrics import _pairs, _ratio
from samgap.metrics._ratio import add, column, true_positives_at

VARIANTS = ("iou", "precision", "recall", "f1-50")


def variant(name: str) -> _ratio.Ratio:
    right, predicted, truth = true_positives_at(0, "box_tp"), column("box_predicted"), column("n_truth")
    rows = _pairs.is_evaluable, _pairs.no_ground_truth_reason
    return {
        "iou": _ratio.mean("box_iou"),
        "precision": _ratio.Ratio(right, predicted, *rows),
        "recall": _ratio.Ratio(right, truth, _pairs.is_evaluable, _pairs.no_instance_reason, BY_INSTANCE=True),
        "f1-50": _ratio.Ratio(_ratio.double(right), add(predicted, truth), *rows),
    }[name]
