"""Two cells on the same clusters: permutation test, t-test, effect size, what could have been found, corrections.

A metric of the whole is no mean over clusters, so the t-test and the effect size stand on the jackknife's
pseudo-values of the difference, one a cluster (Tukey 1958; Miller, The jackknife – a review, Biometrika 1974). Where
every cluster holds as much as the next they are the clusters' own differences, and the test is the textbook's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from samgap.statistics import bootstrap
from samgap.statistics.sums import RankingStatistics, Resampleable, SumStatistics, round_for_exact_sums

POWER = 0.8
"""The chance with which the minimum detectable effect would be found."""
JACKKNIFE_BLOCK = 1000
"""Clusters that a ranking metric is told to leave out at once, each of them in a row of weights of its own."""
TIE_TOLERANCE = 1e-12
"""Differences this close, relative to the one observed, are as extreme as it: they differ by rounding alone."""


@dataclass(frozen=True)
class TTest:
    """The paired t-test; None where it is undefined (fewer than two clusters, or no spread)."""

    p_value: float | None = None
    effect_size: float | None = None
    """Cohen's d of paired differences (d_z): their mean in units of their own standard deviation."""
    effect_low: float | None = None
    effect_high: float | None = None
    minimum_detectable: float | None = None
    """The smallest true difference, in the metric's unit, that such a test finds with a chance of `POWER`."""


def permutation_p_value(
    first: Resampleable, second: Resampleable, n_permutations: int, rng: np.random.Generator
) -> float:
    """Two-sided p of "the two are interchangeable": how often the difference is as large when clusters swap sides.

    All 2^n swaps of the n clusters that hold anything, where these are no more than `permutations`; else as many
    random ones, with the observed difference counted in (Phipson & Smyth 2010), so that p is never 0. A swap that
    leaves the metric undefined counts as extreme. For a mean over clusters it is the sign-flip test.
    """
    holds = first.has_data | second.has_data
    clusters = int(holds.sum())
    difference = _swap_difference(first, second, holds)
    observed = abs(difference(np.zeros((1, clusters)))[0])
    every = 2**clusters <= n_permutations
    extreme = 0
    for block in _all_swaps(clusters) if every else _random_swaps(clusters, n_permutations, rng):
        found = np.abs(difference(block))
        extreme += int((np.isnan(found) | (found >= observed * (1 - TIE_TOLERANCE))).sum())
    return extreme / 2**clusters if every else (1 + extreme) / (1 + n_permutations)


def _swap_difference(
    first: Resampleable, second: Resampleable, has_data: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """From swaps of the clusters that `holds` marks, 0 or 1 (R, n), to the differences that come of them (R,)."""
    if isinstance(first, SumStatistics) and isinstance(second, SumStatistics):
        ours, theirs = round_for_exact_sums([first.cluster_sums[has_data], second.cluster_sums[has_data]])

        def of_sums(swaps: np.ndarray) -> np.ndarray:
            moved = swaps @ (theirs - ours)
            return first.evaluate(ours.sum(axis=0) + moved) - second.evaluate(theirs.sum(axis=0) - moved)

        return of_sums
    assert isinstance(first, RankingStatistics) and isinstance(second, RankingStatistics)
    pool = first.pooled_with(second)

    def of_ranking(swaps: np.ndarray) -> np.ndarray:
        moved = np.zeros((len(swaps), len(has_data)))
        moved[:, has_data] = swaps
        kept = has_data - moved
        sides = [np.concatenate(pair, axis=1) for pair in ((kept, moved), (moved, kept))]
        return pool(sides[0]) - pool(sides[1])

    return of_ranking


def _all_swaps(n_clusters: int) -> Iterator[np.ndarray]:
    yield (np.arange(2**n_clusters)[:, None] >> np.arange(n_clusters) & 1).astype(np.float64)


def _random_swaps(n_clusters: int, n_permutations: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    size = max(bootstrap.MAX_BLOCK_ELEMENTS // n_clusters, 1)
    for start in range(0, n_permutations, size):
        yield rng.integers(0, 2, size=(min(size, n_permutations - start), n_clusters)).astype(np.float64)


def pseudo_values(first: Resampleable, second: Resampleable) -> np.ndarray:
    """n·θ − (n − 1)·θ without the cluster, for the difference θ and each of the n clusters that hold anything."""
    holds = first.has_data | second.has_data
    n = int(holds.sum())
    whole = bootstrap.point_estimate(first) - bootstrap.point_estimate(second)
    return n * whole - (n - 1) * (_leave_one_out(first, holds) - _leave_one_out(second, holds))


def _leave_one_out(resampleable: Resampleable, has_data: np.ndarray) -> np.ndarray:
    """The value without each of the clusters that `holds` marks, float64 (n,)."""
    if isinstance(resampleable, SumStatistics):
        table = round_for_exact_sums([resampleable.cluster_sums])[0]
        return resampleable.evaluate(table.sum(axis=0) - table[has_data])
    left_out = np.flatnonzero(has_data)
    sampler, found = resampleable.sampler(), []
    for start in range(0, len(left_out), JACKKNIFE_BLOCK):
        weights = np.ones((len(left_out[start : start + JACKKNIFE_BLOCK]), len(has_data)))
        np.put_along_axis(weights, left_out[start : start + JACKKNIFE_BLOCK, None], 0, axis=1)
        found.append(sampler(weights))
    return np.concatenate(found)


def t_test(differences: np.ndarray, confidence: float) -> TTest:
    """The paired t-test of `differences` (N,), one a cluster, with Cohen's d and its interval (noncentral t)."""
    n = len(differences)
    if n < 2 or not np.isfinite(differences).all():
        return TTest()
    mean, spread = float(differences.mean()), float(differences.std(ddof=1))
    if spread <= TIE_TOLERANCE * np.abs(differences).max():
        return TTest()
    t = mean / spread * n**0.5
    low, high = noncentrality_interval(t, n - 1, confidence)
    return TTest(
        p_value=float(2 * stats.t.sf(abs(t), n - 1)),
        effect_size=mean / spread,
        effect_low=low / n**0.5,
        effect_high=high / n**0.5,
        minimum_detectable=minimum_detectable_effect(n, confidence) * spread,
    )


def noncentrality_interval(t: float, dof: int, confidence: float) -> tuple[float, float]:
    """The interval of the noncentrality that an observed `t` allows (Steiger & Fouladi 1997)."""

    def at(chance: float) -> float:
        # Of the mirror image where t is negative: the distribution's code is made for the upper side.
        reach = 10.0
        while not (_nct_cdf(t, dof, t - reach) > chance > _nct_cdf(t, dof, t + reach)):
            reach *= 2
        return float(optimize.brentq(lambda nc: _nct_cdf(t, dof, nc) - chance, t - reach, t + reach, xtol=1e-10))

    return at((1 + confidence) / 2), at((1 - confidence) / 2)


def _nct_cdf(t: float, dof: int, nc: float) -> float:
    """P(T ≤ t) of the noncentral t distribution."""
    if t < 0:
        return float(stats.nct.sf(-t, dof, -nc))
    return float(stats.nct.cdf(t, dof, nc))


def minimum_detectable_effect(n_clusters: int, confidence: float) -> float:
    """The smallest true d_z that a two-sided paired t-test of n clusters finds with a chance of `POWER`.

    One test by itself at the level 1 − `confidence`, before any correction (Cohen 1988).
    """
    edge = float(stats.t.ppf((1 + confidence) / 2, n_clusters - 1))

    def power(noncentral: float) -> float:
        return 1 - _nct_cdf(edge, n_clusters - 1, noncentral) + _nct_cdf(-edge, n_clusters - 1, noncentral)

    reach = 2 * edge + 5
    return float(optimize.brentq(lambda nc: power(nc) - POWER, 0, reach)) / n_clusters**0.5


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of one family corrected by Holm (1979), in their own order."""
    order = np.argsort(p_values, kind="stable")
    steps = np.sort(p_values) * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected.tolist()


def bonferroni(p_values: Sequence[float]) -> list[float]:
    """p-values of one family, each times their number."""
    return [min(p * len(p_values), 1.0) for p in p_values]
