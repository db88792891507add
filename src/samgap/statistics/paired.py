"""Paired tests of two cells on the same clusters: permutation test, t-test, effect size, corrections.

A metric of a whole data set is not a mean over clusters. The t-test and the effect size therefore use the jackknife's
pseudo-values of the difference, one per cluster. If all clusters have equal weight, the pseudo-values are the clusters'
differences and the test is the usual paired t-test.

Source: Tukey (1958); Miller, The jackknife – a review, Biometrika (1974).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from samgap.statistics import bootstrap
from samgap.statistics.sums import RankingStatistics, Resampleable, SumStatistics, round_for_exact_sums

POWER = 0.8
"""Power of the test at the minimum detectable effect."""
JACKKNIFE_BLOCK = 1000
"""Number of leave-one-out weight vectors passed to a ranked metric in one call."""
TIE_TOLERANCE = 1e-12
"""Relative tolerance within which two differences are equal, because of rounding."""


@dataclass(frozen=True)
class TTest:
    """Result of a paired t-test; None where undefined (fewer than two clusters, or no spread)."""

    p_value: float | None = None
    effect_size: float | None = None
    """Cohen's d of paired differences (d_z): mean / standard deviation."""
    effect_low: float | None = None
    effect_high: float | None = None
    minimum_detectable: float | None = None
    """Smallest true difference, in the metric's unit, that the test detects with probability `POWER`."""


def permutation_p_value(
    first: Resampleable, second: Resampleable, n_permutations: int, rng: np.random.Generator
) -> float:
    """Compute the two-sided p-value of the permutation test that swaps clusters between two cells.

    All 2^n swaps of the n clusters with data are used if these are at most `n_permutations`. Otherwise as many random
    swaps are used and the observed difference is counted too, so that p is never 0. A swap with an undefined metric
    counts as extreme. For a mean over clusters this is the sign-flip test.

    Source: Phipson & Smyth (2010).
    """
    has_data = first.has_data | second.has_data
    n_clusters = int(has_data.sum())
    difference = _swap_difference(first, second, has_data)
    observed = abs(difference(np.zeros((1, n_clusters)))[0])
    is_exact = 2**n_clusters <= n_permutations
    n_extreme = 0
    for swaps in _all_swaps(n_clusters) if is_exact else _random_swaps(n_clusters, n_permutations, rng):
        differences = np.abs(difference(swaps))
        is_extreme = np.isnan(differences) | (differences >= observed * (1 - TIE_TOLERANCE))
        n_extreme += int(is_extreme.sum())
    return n_extreme / 2**n_clusters if is_exact else (1 + n_extreme) / (1 + n_permutations)


def _swap_difference(
    first: Resampleable, second: Resampleable, has_data: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from swaps of the clusters with data, 0 or 1 (R, n), to the differences (R,)."""
    if isinstance(first, SumStatistics) and isinstance(second, SumStatistics):
        first_sums, second_sums = round_for_exact_sums([first.cluster_sums[has_data], second.cluster_sums[has_data]])

        def difference_of_sums(swaps: np.ndarray) -> np.ndarray:
            change = swaps @ (second_sums - first_sums)
            return first.evaluate(first_sums.sum(axis=0) + change) - second.evaluate(second_sums.sum(axis=0) - change)

        return difference_of_sums
    assert isinstance(first, RankingStatistics) and isinstance(second, RankingStatistics)
    resampler = first.make_pooled_resampler(second)

    def difference_of_rankings(swaps: np.ndarray) -> np.ndarray:
        swapped = np.zeros((len(swaps), len(has_data)))
        swapped[:, has_data] = swaps
        unswapped = has_data - swapped
        first_weights = np.concatenate([unswapped, swapped], axis=1)
        second_weights = np.concatenate([swapped, unswapped], axis=1)
        return resampler(first_weights) - resampler(second_weights)

    return difference_of_rankings


def _all_swaps(n_clusters: int) -> Iterator[np.ndarray]:
    yield (np.arange(2**n_clusters)[:, None] >> np.arange(n_clusters) & 1).astype(np.float64)


def _random_swaps(n_clusters: int, n_permutations: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    rows_per_block = max(bootstrap.MAX_BLOCK_ELEMENTS // n_clusters, 1)
    for start in range(0, n_permutations, rows_per_block):
        n_rows = min(rows_per_block, n_permutations - start)
        yield rng.integers(0, 2, size=(n_rows, n_clusters)).astype(np.float64)


def pseudo_values(first: Resampleable, second: Resampleable) -> np.ndarray:
    """Compute the jackknife's pseudo-values of the difference θ, n·θ − (n − 1)·θ₍₋ᵢ₎, for the n clusters with data."""
    has_data = first.has_data | second.has_data
    n = int(has_data.sum())
    difference = bootstrap.point_estimate(first) - bootstrap.point_estimate(second)
    return n * difference - (n - 1) * (_leave_one_out(first, has_data) - _leave_one_out(second, has_data))


def _leave_one_out(resampleable: Resampleable, has_data: np.ndarray) -> np.ndarray:
    """Compute the metric without each of the n clusters with data, float64 (n,)."""
    if isinstance(resampleable, SumStatistics):
        table = round_for_exact_sums([resampleable.cluster_sums])[0]
        return resampleable.evaluate(table.sum(axis=0) - table[has_data])
    clusters = np.flatnonzero(has_data)
    resampler, values = resampleable.make_resampler(), []
    for start in range(0, len(clusters), JACKKNIFE_BLOCK):
        left_out = clusters[start : start + JACKKNIFE_BLOCK, None]
        weights = np.ones((len(left_out), len(has_data)))
        np.put_along_axis(weights, left_out, 0, axis=1)
        values.append(resampler(weights))
    return np.concatenate(values)


def t_test(differences: np.ndarray, confidence: float) -> TTest:
    """Compute the paired t-test of differences (N,), one per cluster, with Cohen's d and its interval."""
    n = len(differences)
    if n < 2 or not np.isfinite(differences).all():
        return TTest()
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    if deviation <= TIE_TOLERANCE * np.abs(differences).max():
        return TTest()
    t = mean / deviation * n**0.5
    low, high = noncentrality_interval(t, n - 1, confidence)
    return TTest(
        p_value=float(2 * stats.t.sf(abs(t), n - 1)),
        effect_size=mean / deviation,
        effect_low=low / n**0.5,
        effect_high=high / n**0.5,
        minimum_detectable=minimum_detectable_effect(n, confidence) * deviation,
    )


def noncentrality_interval(t: float, dof: int, confidence: float) -> tuple[float, float]:
    """Compute the confidence interval of the noncentrality parameter for an observed `t` (Steiger & Fouladi 1997)."""

    def noncentrality(probability: float) -> float:
        half_width = 10.0
        while not (_nct_cdf(t, dof, t - half_width) > probability > _nct_cdf(t, dof, t + half_width)):
            half_width *= 2
        root = optimize.brentq(
            lambda nc: _nct_cdf(t, dof, nc) - probability, t - half_width, t + half_width, xtol=1e-10
        )
        return float(root)

    return noncentrality((1 + confidence) / 2), noncentrality((1 - confidence) / 2)


def _nct_cdf(t: float, dof: int, nc: float) -> float:
    """Return P(T ≤ t) of the noncentral t distribution."""
    if t < 0:
        # SciPy's function is accurate for positive t only; the distribution of −T has the noncentrality −nc.
        return float(stats.nct.sf(-t, dof, -nc))
    return float(stats.nct.cdf(t, dof, nc))


def minimum_detectable_effect(n_clusters: int, confidence: float) -> float:
    """Compute the smallest true d_z that a two-sided paired t-test of n clusters detects with probability `POWER`.

    For a single test at the level 1 − `confidence`, before any correction.

    Source: Cohen (1988).
    """
    critical_t = float(stats.t.ppf((1 + confidence) / 2, n_clusters - 1))

    def power(nc: float) -> float:
        return 1 - _nct_cdf(critical_t, n_clusters - 1, nc) + _nct_cdf(-critical_t, n_clusters - 1, nc)

    upper_bound = 2 * critical_t + 5
    return float(optimize.brentq(lambda nc: power(nc) - POWER, 0, upper_bound)) / n_clusters**0.5


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct the p-values of one family by Holm (1979), in the order of the input."""
    order = np.argsort(p_values, kind="stable")
    scaled = np.sort(p_values) * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return corrected.tolist()


def bonferroni(p_values: Sequence[float]) -> list[float]:
    """Multiply the p-values of one family by their number, up to 1."""
    return [min(p * len(p_values), 1.0) for p in p_values]
