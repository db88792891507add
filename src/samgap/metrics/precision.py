"""Precision at IoU 0.5: the share of the predicted masks that match an instance.

TP / predictions, summed over all evaluable prompts. Matching is one to one, so a second mask of the same apple is a
false positive, as is every mask of a phrase that is absent from its image. Undefined (NaN) if there is no prediction.
`precision-near-labels` leaves out predictions that are far from every label.

`precision-chosen` counts predictions of phrases from the chosen score threshold on (section `thresholds`).
"""

from typing import Unpack

from samgap.metrics.base import Column, Description, SumMetric, ratio, set_fields
from samgap.metrics.chosen_score import at_chosen_score
from samgap.metrics.columns import column, true_positives_at
from samgap.metrics.operating_point import at_iou
from samgap.metrics.reasons import no_ground_truth_reason, require_masks
from samgap.metrics.row_masks import is_evaluable

_n_predicted = column("n_predicted")


def precision_at(
    iou_threshold: float, n_predicted: Column = _n_predicted, **description: Unpack[Description]
) -> SumMetric:
    """Build the precision at one of `IOU_THRESHOLDS`, by default with all predictions."""
    return ratio(
        true_positives_at(iou_threshold),
        n_predicted,
        row_mask=is_evaluable,
        not_evaluable_reason=require_masks(no_ground_truth_reason),
        **set_fields(description, higher_is_better=True, operating_point=at_iou(iou_threshold)),
    )


VARIANTS = ("", "chosen")

METRICS = {
    "": precision_at(
        0.5,
        needs_exhaustive_labels=True,
        label="Precision@50",
        source="the usual definition; matching as in sam3's evaluator",
    ),
}
METRICS["chosen"] = at_chosen_score(METRICS[""])
