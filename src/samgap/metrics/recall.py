"""Recall at IoU 0.5: the share of the prompted instances that are matched.

TP / instances, summed over all evaluable prompts; matching is one to one. Not evaluable if no annotated instance is
prompted.

`recall-chosen` counts predictions of phrases from the chosen score threshold on (section `thresholds`).
"""

from typing import Unpack

from samgap.metrics.base import Description, SumMetric, ratio, set_fields
from samgap.metrics.chosen_score import at_chosen_score
from samgap.metrics.columns import column, true_positives_at
from samgap.metrics.operating_point import at_iou
from samgap.metrics.reasons import no_instance_reason, require_masks
from samgap.metrics.row_masks import is_evaluable


def recall_at(iou_threshold: float, **description: Unpack[Description]) -> SumMetric:
    """Build the recall at one of `IOU_THRESHOLDS`."""
    return ratio(
        true_positives_at(iou_threshold),
        column("n_truth"),
        row_mask=is_evaluable,
        not_evaluable_reason=require_masks(no_instance_reason),
        by_instance=True,
        **set_fields(description, higher_is_better=True, operating_point=at_iou(iou_threshold)),
    )


VARIANTS = ("", "chosen")

METRICS = {
    "": recall_at(0.5, label="Recall@50", source="the usual definition; matching as in sam3's evaluator"),
}
METRICS["chosen"] = at_chosen_score(METRICS[""])
