"""Means of a measure over the prompted instances, each with the prediction that is assigned to it."""

from typing import Unpack

from samgap.metrics.base import Description, Reason, SumMetric, ratio, set_fields
from samgap.metrics.columns import column
from samgap.metrics.operating_point import ASSIGNMENT
from samgap.metrics.reasons import no_instance_reason, require_masks
from samgap.metrics.row_masks import is_positive


def mean_over_instances(measure: str, **description: Unpack[Description]) -> SumMetric:
    """Build the mean of one of `MEASURES` over all prompted instances; an unassigned instance counts 0."""
    return ratio(
        column(f"sum_{measure}"),
        column("n_truth"),
        row_mask=is_positive,
        not_evaluable_reason=_measure_reason(measure),
        by_instance=True,
        **set_fields(description, higher_is_better=True, operating_point=ASSIGNMENT),
    )


def mean_over_matched(measure: str, **description: Unpack[Description]) -> SumMetric:
    """Build the mean of a measure or an error over the instances with an assigned prediction."""
    return ratio(
        column(f"sum_{measure}"),
        column("n_answered"),
        row_mask=is_positive,
        not_evaluable_reason=_measure_reason(measure),
        by_instance=True,
        **set_fields(description, operating_point=ASSIGNMENT),
    )


def _measure_reason(measure: str) -> Reason:
    return no_instance_reason if measure.startswith("box") else require_masks(no_instance_reason)
