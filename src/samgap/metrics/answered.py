"""Mean of a measure over the matched instances only: mask quality where there is a mask.

As `iou`, `dice`, `boundary-f-…` and `boundary-iou`, but an instance without an assigned prediction (no prediction of
the prompt shares a pixel with it) is left out instead of counting 0. A model that predicts only easy instances gains,
so compare the recall as well. Undefined (NaN) if no instance has an assigned prediction.
"""

from samgap.metrics import boundary_f, boundary_iou, dice, iou
from samgap.metrics.base import SumMetric
from samgap.metrics.instance_means import mean_over_matched

VARIANTS = (
    "iou",
    "dice",
    "boundary-f-1px",
    "boundary-f-2px",
    "boundary-f-3px",
    "boundary-f-5px",
    "boundary-f-relative",
    "boundary-f-davis",
    "boundary-iou",
)


def _make_matched_metric(measure: str, all_instances: SumMetric) -> SumMetric:
    return mean_over_matched(
        measure,
        higher_is_better=True,
        label=f"{all_instances.label}, matched",
        source="the paper's comparison of mask quality on matched pairs",
    )


METRICS = {
    "iou": _make_matched_metric("iou", iou.METRICS[""]),
    "dice": _make_matched_metric("dice", dice.METRICS[""]),
    **{
        f"boundary-f-{tolerance}": _make_matched_metric(f"boundary_f_{tolerance}", metric)
        for tolerance, metric in boundary_f.METRICS.items()
    },
    "boundary-iou": _make_matched_metric("boundary_iou", boundary_iou.METRICS[""]),
}
