"""F1 at IoU 0.5: the harmonic mean of precision and recall.

2TP / (predictions + instances), summed over all evaluable prompts. Masks of a phrase that is absent from its image are
false positives. Undefined (NaN) if there are neither instances nor predictions.
"""

from typing import Unpack

from samgap.metrics.base import Description, SumMetric, ratio
from samgap.metrics.columns import add, column, double, true_positives_at
from samgap.metrics.reasons import no_ground_truth_reason, require_masks
from samgap.metrics.row_masks import is_evaluable


def f1_at(iou_threshold: float, **description: Unpack[Description]) -> SumMetric:
    """Build the F1 at one of `IOU_THRESHOLDS`."""
    return ratio(
        double(true_positives_at(iou_threshold)),
        add(column("n_predicted"), column("n_truth")),
        row_mask=is_evaluable,
        not_evaluable_reason=require_masks(no_ground_truth_reason),
        **description,
    )


METRICS = {"": f1_at(0.5, label="F1@50", source="van Rijsbergen (1979); matching as in sam3's evaluator")}
