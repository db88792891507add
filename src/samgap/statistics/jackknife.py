"""The jackknife: metrics without each cluster in turn, and the pseudo-values of a metric or of a difference.

A metric of a whole data set is not a mean over clusters. Its pseudo-values behave like the clusters' values of a mean:
their mean is the metric without the first order of its bias. If all clusters have equal weight, the pseudo-values of a
mean are the clusters' values.

Source: Tukey (1958); Miller, The jackknife – a review, Biometrika (1974).
"""

from collections.abc import Sequence

import numpy as np

from samgap.statistics import bootstrap
from samgap.statistics.sums import RankingStatistics, Resampleable, SumStatistics, round_for_exact_sums

JACKKNIFE_BLOCK = 1000
"""Number of leave-one-out weight vectors passed to a ranked metric in one call."""


def pseudo_values(first: Resampleable, second: Resampleable | None = None) -> np.ndarray:
    """Compute the pseudo-values of a metric, or of the difference θ of two cells: n·θ − (n − 1)·θ₍₋ᵢ₎, float64 (n,).

    The n clusters are those that carry one of the values. NaN where the metric is undefined without the cluster.

    Those of a ranked metric are moved so that their mean is θ. Average precision has steps at 101 recalls; each image
    less moves all of them, by more than the bias.
    """
    sides: Sequence[tuple[int, Resampleable]] = [(1, first)] if second is None else [(1, first), (-1, second)]
    has_data = np.logical_or.reduce([side.has_data for _, side in sides])
    n = int(has_data.sum())
    values = np.zeros(n)
    for sign, side in sides:
        values += sign * (n * bootstrap.point_estimate(side) - (n - 1) * leave_one_out(side, has_data))
    if all(isinstance(side, SumStatistics) for _, side in sides):
        return values
    return values - values.mean() + sum(sign * bootstrap.point_estimate(side) for sign, side in sides)


def leave_one_out(resampleable: Resampleable, has_data: np.ndarray) -> np.ndarray:
    """Compute the metric without each of the n clusters selected by `has_data`, float64 (n,), NaN where undefined."""
    if isinstance(resampleable, SumStatistics):
        table = round_for_exact_sums([resampleable.cluster_sums])[0]
        return resampleable.evaluate(table.sum(axis=0) - table[has_data])
    key = has_data.tobytes()
    if key not in resampleable.left_out_values:
        resampleable.left_out_values[key] = _leave_out_of_ranking(resampleable, has_data)
    return resampleable.left_out_values[key]


def _leave_out_of_ranking(resampleable: RankingStatistics, has_data: np.ndarray) -> np.ndarray:
    clusters, values = np.flatnonzero(has_data), [np.zeros(0)]
    for start in range(0, len(clusters), JACKKNIFE_BLOCK):
        left_out = clusters[start : start + JACKKNIFE_BLOCK, None]
        weights = np.ones((len(left_out), len(has_data)))
        np.put_along_axis(weights, left_out, 0, axis=1)
        values.append(resampleable.resampler(weights))
    return np.concatenate(values)
