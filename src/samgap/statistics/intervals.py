"""Confidence intervals from the resamples of a value or of a difference, and the reasons for having none.

Source: Efron & Tibshirani (1993); Clopper & Pearson (1934) on an effective number of clusters (Kish 1965; as in Korn &
Graubard 1998), and Newcombe (1998) for differences of such shares; Miller (1974) for the jackknife's t interval.
docs/reference/statistics.md has the simulated coverage.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from samgap.statistics import bootstrap, jackknife, unpaired
from samgap.statistics.clusters import MIN_CLUSTERS, Clustering
from samgap.statistics.sums import Resampleable, SumStatistics

FEW_CLUSTERS = 10
"""With fewer clusters, the interval is extended to the t interval of the jackknife: resamples of n clusters hardly
leave the range of the clusters' values, in which the true value is with a probability of 1 − 2^(1−n) at most."""
RARE_EVENTS = 30.0
"""With an effective number of clusters with an event below this, the interval of a mean is extended to that of a
binomial share."""
MAX_UNDEFINED_RESAMPLES = 0.05
"""With a larger share of undefined resamples, there is no interval: it would depend on the defined ones alone."""
NO_SPREAD = 1e-4
"""Width of an interval, as a part of the metric's range, at which all resamples are taken as equal. The small constants
in the denominators of sam3's metrics vary them by up to this."""


@dataclass(frozen=True)
class Interval:
    """Both ends, or None with the reason."""

    low: float | None = None
    high: float | None = None
    reason: str | None = None
    """Why there is no interval: `no interval: …`."""
    undefined_resamples: float | None = None
    """Share of the resamples in which the value is undefined."""


def missing_inference_reason(sides: Sequence[Resampleable], clusterings: Sequence[Clustering]) -> str | None:
    """Return why a value or difference has neither interval nor test; None if it has.

    Args:
        sides: The value, or both values of a difference.
        clusterings: The clusters of their data sets.
    """
    for side in sides:
        if side.metric.no_interval:
            return f"no interval: {side.metric.no_interval}"
    fewest = min(range(len(sides)), key=lambda index: (sides[index].n_clusters, sides[index].n_clusters_total))
    n_clusters, n_total = sides[fewest].n_clusters, sides[fewest].n_clusters_total
    clustering = clusterings[fewest]
    if n_clusters >= MIN_CLUSTERS:
        return None
    if clustering.kind == "group" and clustering.count < MIN_CLUSTERS:
        return f"no interval: too few groups for an interval ({clustering.count}; at least {MIN_CLUSTERS})"
    units = clustering.kind if n_total == 1 else f"{clustering.kind}s"
    verb = "carries" if n_clusters == 1 else "carry"
    return f"no interval: {n_clusters} of {n_total} {units} {verb} the value (at least {MIN_CLUSTERS})"


def compute_interval(
    draws: np.ndarray,
    sides: Sequence[Resampleable],
    clusterings: Sequence[Clustering],
    confidence: float,
    is_paired: bool = True,
) -> Interval:
    """Compute the interval of a value, or of the difference of two values, from its resamples.

    Args:
        draws: The value or difference in each resample, float64 (resamples,), NaN where undefined.
        sides: The value, or both values of the difference.
        clusterings: The clusters of their data sets.
        confidence: Confidence level, such as 0.95.
        is_paired: Whether the values of a difference are of the same clusters.
    """
    is_undefined = np.isnan(draws)
    undefined_resamples = float(is_undefined.mean())
    reason = missing_inference_reason(sides, clusterings)
    if reason is None and undefined_resamples > MAX_UNDEFINED_RESAMPLES:
        reason = f"no interval: the value is undefined in {100 * undefined_resamples:.0f} % of the resamples"
    reason = reason or _missing_spread_reason(sides)
    if reason is None:
        ends = _compute_ends(draws[~is_undefined], sides, confidence, is_paired)
        if ends is not None:
            low, high = _clip(*ends, _value_range(sides))
            return Interval(low, high, None, undefined_resamples)
        n_clusters, kind = min((side.n_clusters, each.kind) for side, each in zip(sides, clusterings, strict=True))
        reason = f"no interval: the {n_clusters} {kind}s that carry the value do not differ"
    return Interval(None, None, reason, undefined_resamples)


def _missing_spread_reason(sides: Sequence[Resampleable]) -> str | None:
    for side in sides:
        reason = side.metric.no_spread_reason(side.statistics) if isinstance(side, SumStatistics) else None
        if reason:
            return f"no interval: {reason}"
    return None


def _compute_ends(
    draws: np.ndarray, sides: Sequence[Resampleable], confidence: float, is_paired: bool
) -> tuple[float, float] | None:
    """Return both ends before they are cut off at the range of the metric; None if the clusters do not differ."""
    value = bootstrap.point_estimate(sides[0]) - (bootstrap.point_estimate(sides[1]) if len(sides) > 1 else 0.0)
    n_clusters = min(side.n_clusters for side in sides)
    low, high = bootstrap.percentile_interval(draws, n_clusters, confidence)
    assert low is not None and high is not None
    bottom, top = _value_range(sides)
    extent = top - bottom if np.isfinite(top - bottom) else max(abs(value), np.finfo(float).tiny)
    if high - low <= NO_SPREAD * extent:
        effective = [count for side in sides if (count := effective_clusters(side)) is not None]
        if len(effective) < len(sides) or not np.isfinite(top - bottom):
            return None
        return _extend_to_unseen(value, min(effective), (bottom, top), confidence)
    is_biased = any(side.metric.is_biased for side in sides)
    candidates = correct_bias(low, high, value, float(draws.mean())) if is_biased else [(low, high)]
    if is_biased or n_clusters < FEW_CLUSTERS:
        candidates.append(_jackknife_t_interval(sides, confidence, is_paired))
    if all(_has_rare_events(side) for side in sides):
        candidates.append(_binomial_interval(sides, confidence))
    ends = np.array(candidates)
    low, high = float(np.nanmin(ends[:, 0])), float(np.nanmax(ends[:, 1]))
    if len(sides) == 1 and _may_be_zero(sides[0], draws, confidence):
        low = 0.0
    return low, high


def _may_be_zero(side: Resampleable, draws: np.ndarray, confidence: float) -> bool:
    """Return whether sampling errors alone may make a spread as large as the value.

    The errors of a resample come on top of those of the sample: its squared spread is larger by as much, on average, as
    that of a sample of equal values. The spread of two such values exceeds z times the root of this with the
    probability 1 − `confidence`; that of more values less often.
    """
    value = bootstrap.point_estimate(side)
    excess = float((draws**2).mean()) - value**2
    return side.metric.is_spread and value**2 <= float(stats.chi2.ppf(confidence, 1)) * excess


def correct_bias(low: float, high: float, value: float, mean: float) -> list[tuple[float, float]]:
    """Return two intervals of a metric whose bias the resamples repeat: the basic and the shifted percentile interval.

    The resamples are biased once more than the value, whose bias is estimated by their mean − `value`. The first
    covers where the bias is as large as the spread, the second where the distribution is skewed.
    """
    shift = 2 * (mean - value)
    return [(2 * value - high, 2 * value - low), (low - shift, high - shift)]


def _jackknife_t_interval(sides: Sequence[Resampleable], confidence: float, is_paired: bool) -> tuple[float, float]:
    """Return the t interval of the pseudo-values, or Welch's of two samples; NaN if one of them is undefined."""
    if is_paired:
        values = jackknife.pseudo_values(*sides)
        mean, error, dof = float(values.mean()), float(values.std(ddof=1)) / len(values) ** 0.5, len(values) - 1.0
    else:
        first, second = map(jackknife.pseudo_values, sides)
        mean, (error, dof) = float(first.mean() - second.mean()), unpaired.welch_error(first, second)
    half_width = float(stats.t.ppf((1 + confidence) / 2, dof)) * error
    return mean - half_width, mean + half_width


def effective_clusters(resampleable: Resampleable) -> float | None:
    """Return the effective number of clusters (Σw)²/Σw² of a weighted mean; None for a metric that is no such mean."""
    weights = _mean_weights(resampleable)
    return None if weights is None else float(weights.sum() ** 2 / (weights**2).sum())


def _mean_weights(resampleable: Resampleable) -> np.ndarray | None:
    """Return the weights of the clusters that carry a weighted mean, float64 (n,)."""
    if not isinstance(resampleable, SumStatistics) or resampleable.metric.mean_weights is None:
        return None
    return resampleable.metric.mean_weights(resampleable.statistics)[resampleable.has_data]


def _extend_to_unseen(
    value: float, n_clusters: float, value_range: tuple[float, float], confidence: float
) -> tuple[float, float]:
    """Return the interval of a mean of clusters that all have the same `value`.

    Up to a share u = 1 − ((1 − confidence) / 2)^(1/n) of the population may have any other value of the range. At
    either end of the range this is the interval of Clopper & Pearson.
    """
    unseen = 1 - ((1 - confidence) / 2) ** (1 / n_clusters)
    bottom, top = value_range
    return value - unseen * (value - bottom), value + unseen * (top - value)


def _has_rare_events(side: Resampleable) -> bool:
    """Return whether the value is a mean of which few clusters depart from the nearer end of its range."""
    weights, (bottom, top) = _mean_weights(side), side.metric.value_range
    if weights is None or not np.isfinite(top - bottom):
        return False
    nearer_end = bottom if bootstrap.point_estimate(side) < (bottom + top) / 2 else top
    departures = np.abs(_cluster_values(side) - nearer_end) * weights
    if not departures.any():
        return True
    n_events, n_trials = (values.sum() ** 2 / (values**2).sum() for values in (departures, weights))
    return bool(n_events < min(RARE_EVENTS, n_trials / 2))


def _binomial_interval(sides: Sequence[Resampleable], confidence: float) -> tuple[float, float]:
    """Return the interval of Clopper & Pearson, with the effective number of clusters as the number of trials.

    For a difference, the intervals of both values are combined as by Newcombe (1998), as if they were not correlated.
    """
    ends = []
    for side in sides:
        value, n_trials = bootstrap.point_estimate(side), effective_clusters(side)
        assert n_trials is not None
        bottom, top = side.metric.value_range
        successes = (value - bottom) / (top - bottom) * n_trials
        probability = (1 - confidence) / 2
        low = stats.beta.ppf(probability, successes, n_trials - successes + 1) if successes > 0 else 0.0
        high = stats.beta.ppf(1 - probability, successes + 1, n_trials - successes) if successes < n_trials else 1.0
        ends.append((value, bottom + float(low) * (top - bottom), bottom + float(high) * (top - bottom)))
    if len(ends) == 1:
        return ends[0][1:]
    (first, first_low, first_high), (second, second_low, second_high) = ends
    difference = first - second
    below, above = np.hypot(first - first_low, second_high - second), np.hypot(first_high - first, second - second_low)
    return difference - float(below), difference + float(above)


def _cluster_values(resampleable: Resampleable) -> np.ndarray:
    """Return the metric of each cluster that carries it, float64 (n,)."""
    assert isinstance(resampleable, SumStatistics)
    return np.nan_to_num(resampleable.evaluate(resampleable.cluster_sums[resampleable.has_data]))


def _value_range(sides: Sequence[Resampleable]) -> tuple[float, float]:
    """Return the range of the value, or of the difference of both values."""
    ranges = [side.metric.value_range for side in sides]
    return ranges[0] if len(ranges) == 1 else (ranges[0][0] - ranges[1][1], ranges[0][1] - ranges[1][0])


def _clip(low: float, high: float, value_range: tuple[float, float]) -> tuple[float, float]:
    return max(low, value_range[0]), min(high, value_range[1])
