"""Base classes of metrics, and the ratio of two sums, which is the most common metric."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import numpy as np
import pandas as pd

from samgap.metrics.operating_point import OperatingPoint

SufficientStatistics = dict[str, np.ndarray]
"""Statistics by name: float64 (N,) or (N, K) for N rows; summed over the rows of R resamples, (R,) or (R, K)."""
Column = Callable[[pd.DataFrame], np.ndarray]
"""From table `pairs` with N rows to an array (N,)."""
Reason = Callable[[pd.DataFrame], str | None]
"""From table `pairs` to `not evaluable: …` with the reason, or to None if the metric is evaluable."""
SharedCache = dict[Any, np.ndarray]
"""Values shared by resamplers that are called with the same weights; cleared before other weights are used."""
Resampler = Callable[[np.ndarray], np.ndarray]
"""From cluster weights, float64 (R, C), to the metric in each of R resamples, float64 (R,), NaN where undefined."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """The fields that every metric declares."""

    label: str
    """Table header and axis label; includes the unit where it is not a fraction."""
    source: str
    """Publication or code that defines the metric."""
    row_mask: Column
    """bool (N,): the rows of table `pairs` that count. Must not depend on the predictions."""
    not_evaluable_reason: Reason
    """None, or the reason why the metric cannot be computed from table `pairs`."""
    higher_is_better: bool | None
    """None if 0 is best and both directions are worse."""
    operating_point: OperatingPoint
    """From which score and IoU on a prediction counts, and what happens to `ignore` instances."""
    unit: str = "fraction"
    value_range: tuple[float, float] = (0.0, 1.0)
    decimals: int = 3
    """Decimals in printed tables."""
    by_phrase: bool = True
    """Whether the metric is defined for the rows of a single phrase."""
    by_instance: bool = False
    """Whether the metric depends on the prompted instances only, so that a subset of instances has a value."""
    needs_exhaustive_labels: bool = False
    """Whether a right detection of an object without a label changes the value, which is then wrong."""
    left_out: Column | None = None
    """Number of predictions that the metric leaves out, float64 (N,); None if there are none by definition."""
    is_biased: bool = False
    """Whether sampling errors change the value in one direction, as they lower a minimum: its interval corrects it."""
    is_spread: bool = False
    """Whether the value is a spread, which sampling errors raise, and which is 0 between equal values: its interval
    reaches 0 if the value is no larger than sampling errors alone may make it."""
    has_steps: bool = False
    """Whether the value is constant almost everywhere and jumps, as a number of clicks does: neither derivatives nor
    leaving out a cluster show its sampling error."""
    no_interval: str | None = None
    """Why the value has neither interval nor test: no interval that was simulated covers the true value."""
    id: str = ""
    """Set by `load_metric` from file name and variant."""


@dataclass(frozen=True, kw_only=True)
class SumMetric(Metric):
    """A metric that is a function of sums over rows, so that a bootstrap needs one sum per cluster."""

    sufficient_statistics: Callable[[pd.DataFrame], SufficientStatistics]
    """Statistics of the rows selected by `row_mask`, one value or K values per row."""
    compute: Callable[[SufficientStatistics], np.ndarray]
    """The metric of summed statistics, float64 (R,), NaN where undefined."""
    mean_weights: Callable[[SufficientStatistics], np.ndarray] | None = None
    """Weights (C,) of clusters with these summed statistics, if the metric is the mean of their values with these
    weights and all values are in `value_range`; None for other metrics."""
    no_spread_reason: Callable[[SufficientStatistics], str | None] = lambda sums: None
    """From the summed statistics of C clusters to the reason why they do not show the spread of the value, or None:
    then it has no interval."""


@dataclass(frozen=True, kw_only=True)
class RankedMetric(Metric):
    """A metric that is no function of sums over rows, such as average precision: each resample needs the rows."""

    make_resampler: Callable[[pd.DataFrame, np.ndarray, SharedCache | None], Resampler]
    """From the rows selected by `row_mask`, their cluster codes, int (N,) from 0 to C − 1, and a cache."""
    carries_value: Column
    """bool (N,): which of the rows selected by `row_mask` can change the value."""


class Description(TypedDict, total=False):
    """Fields of `Metric` that the helpers of this package pass through."""

    label: str
    source: str
    unit: str
    value_range: tuple[float, float]
    higher_is_better: bool | None
    operating_point: OperatingPoint
    decimals: int
    needs_exhaustive_labels: bool
    left_out: Column | None
    is_biased: bool
    is_spread: bool
    no_interval: str | None


def set_fields(description: Description, **fields: Unpack[Description]) -> Description:
    """Return the fields of a metric together with those that a helper sets."""
    return {**description, **fields}


def ratio(
    numerator: Column,
    denominator: Column,
    *,
    row_mask: Column,
    not_evaluable_reason: Reason,
    by_phrase: bool = True,
    by_instance: bool = False,
    **description: Unpack[Description],
) -> SumMetric:
    """Build the metric Σ numerator / Σ denominator, undefined where the denominator is 0."""
    return SumMetric(
        sufficient_statistics=lambda pairs: {"numerator": numerator(pairs), "denominator": denominator(pairs)},
        compute=compute_ratio,
        mean_weights=lambda sums: sums["denominator"],
        row_mask=row_mask,
        not_evaluable_reason=not_evaluable_reason,
        by_phrase=by_phrase,
        by_instance=by_instance,
        **description,
    )


def compute_ratio(sums: SufficientStatistics) -> np.ndarray:
    """Divide the statistic `numerator` by the statistic `denominator`."""
    return divide(sums["numerator"], sums["denominator"])


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divide element by element; NaN where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.full(np.shape(denominator), np.nan), where=denominator != 0)
