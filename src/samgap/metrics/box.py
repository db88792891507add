"""Metrics of boxes instead of masks: mean box IoU, and precision, recall and F1 at a box IoU of 0.5.

Boxes are matched one to one by box IoU, independently of the masks. A prediction's box is the one that the model
returned. `box-iou` is the mean over the prompted instances of the box IoU with the prediction that is assigned by mask
(by box if the ground truth has no masks). No masks are needed in the ground truth. Other edge cases are those of `iou`,
`precision`, `recall` and `f1-50`.
"""

from samgap.metrics.base import ratio
from samgap.metrics.columns import add, column, double, true_positives_at
from samgap.metrics.instance_means import mean_over_instances
from samgap.metrics.operating_point import MATCH_50
from samgap.metrics.reasons import no_ground_truth_reason, no_instance_reason
from samgap.metrics.row_masks import is_evaluable

VARIANTS = ("iou", "precision", "recall", "f1-50")
SOURCE = "as for `iou`, `precision`, `recall` and `f1-50`"

_true_positives = true_positives_at(0.5, "box_tp")

METRICS = {
    "iou": mean_over_instances("box_iou", label="Box IoU", source=SOURCE),
    "precision": ratio(
        _true_positives,
        column("box_predicted"),
        row_mask=is_evaluable,
        not_evaluable_reason=no_ground_truth_reason,
        needs_exhaustive_labels=True,
        operating_point=MATCH_50,
        higher_is_better=True,
        label="Box precision@50",
        source=SOURCE,
    ),
    "recall": ratio(
        _true_positives,
        column("n_truth"),
        row_mask=is_evaluable,
        not_evaluable_reason=no_instance_reason,
        by_instance=True,
        operating_point=MATCH_50,
        higher_is_better=True,
        label="Box recall@50",
        source=SOURCE,
    ),
    "f1-50": ratio(
        double(_true_positives),
        add(column("box_predicted"), column("n_truth")),
        row_mask=is_evaluable,
        not_evaluable_reason=no_ground_truth_reason,
        needs_exhaustive_labels=True,
        operating_point=MATCH_50,
        higher_is_better=True,
        label="Box F1@50",
        source=SOURCE,
    ),
}
