"""F1 at IoU 0.5: the harmonic mean of precision and recall.

2TP / (predictions + instances), summed over all evaluable prompts. Masks of a phrase that is absent from its image are
false positives. Undefined (NaN) if there are neither instances nor predictions. `f1-50-near-labels` leaves out
predictions that are far from every label.

`f1-50-chosen` counts predictions of phrases from the chosen score threshold on (section `thresholds`).
"""

from typing import Unpack

from samgap.metrics.base import Column, Description, SumMetric, ratio, set_fields
from samgap.metrics.chosen_score import at_chosen_score
from samgap.metrics.columns import add, column, double, true_positives_at
from samgap.metrics.operating_point import at_iou
from samgap.metrics.reasons import no_ground_truth_reason, require_masks
from samgap.metrics.row_masks import is_evaluable

_n_predicted = column("n_predicted")


def f1_at(iou_threshold: float, n_predicted: Column = _n_predicted, **description: Unpack[Description]) -> SumMetric:
    """Build the F1 at one of `IOU_THRESHOLDS`, by default with all predictions."""
    return ratio(
        double(true_positives_at(iou_threshold)),
        add(n_predicted, column("n_truth")),
        row_mask=is_evaluable,
        not_evaluable_reason=require_masks(no_ground_truth_reason),
        **set_fields(description, higher_is_better=True, operating_point=at_iou(iou_threshold)),
    )


VARIANTS = ("", "chosen")

METRICS = {
    "": f1_at(
        0.5,
        needs_exhaustive_labels=True,
        label="F1@50",
        source="van Rijsbergen (1979); matching as in sam3's evaluator",
    )
}
METRICS["chosen"] = at_chosen_score(METRICS[""])
