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
from samgap.statistics.sums import Part, Ranking, Sums, exact

POWER = 0.8
"""The chance with which the minimum detectable effect would be found."""
LEFT_OUT = 1000
"""Clusters that a ranking metric is told to leave out at once, each of them in a row of weights of its own."""
TIE = 1e-12
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


def permutation_p(first: Part, second: Part, permutations: int, random: np.random.Generator) -> float:
    """Two-sided p of "the two are interchangeable": how often the difference is as large when clusters swap sides.

    All 2^n swaps of the n clusters that hold anything, where these are no more than `permutations`; else as many
    random ones, with the observed difference counted in (Phipson & Smyth 2010), so that p is never 0. A swap that
    leaves the metric undefined counts as extreme. For a mean over clusters it is the sign-flip test.
    """
    holds = first.holds | second.holds
    clusters = int(holds.sum())
    difference = _swapper(first, second, holds)
    observed = abs(difference(np.zeros((1, clusters)))[0])
    every = 2**clusters <= permutations
    extreme = 0
    for block in _all_swaps(clusters) if every else _random_swaps(clusters, permutations, random):
        found = np.abs(difference(block))
        extreme += int((np.isnan(found) | (found >= observed * (1 - TIE))).sum())
    return extreme / 2**clusters if every else (1 + extreme) / (1 + permutations)


def _swapper(first: Part, second: Part, holds: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """From swaps of the clusters that `holds` marks, 0 or 1 (R, n), to the differences that come of them (R,)."""
    if isinstance(first, Sums) and isinstance(second, Sums):
        ours, theirs = exact([first.table[holds], second.table[holds]])

        def of_sums(swaps: np.ndarray) -> np.ndarray:
            moved = swaps @ (theirs - ours)
            return first.values(ours.sum(axis=0) + moved) - second.values(theirs.sum(axis=0) - moved)

        return of_sums
    assert isinstance(first, Ranking) and isinstance(second, Ranking)
    pool = first.beside(second)

    def of_ranking(swaps: np.ndarray) -> np.ndarray:
        moved = np.zeros((len(swaps), len(holds)))
        moved[:, holds] = swaps
        kept = holds - moved
        sides = [np.concatenate(pair, axis=1) for pair in ((kept, moved), (moved, kept))]
        return pool(sides[0]) - pool(sides[1])

    return of_ranking


def _all_swaps(clusters: int) -> Iterator[np.ndarray]:
    yield (np.arange(2**clusters)[:, None] >> np.arange(clusters) & 1).astype(np.float64)


def _random_swaps(clusters: int, permutations: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    size = max(bootstrap.BLOCK // clusters, 1)
    for start in range(0, permutations, size):
        yield random.integers(0, 2, size=(min(size, permutations - start), clusters)).astype(np.float64)


def pseudo_values(first: Part, second: Part) -> np.ndarray:
    """n·θ − (n − 1)·θ without the cluster, for the difference θ and each of the n clusters that hold anything."""
    holds = first.holds | second.holds
    n = int(holds.sum())
    whole = bootstrap.whole(first) - bootstrap.whole(second)
    return n * whole - (n - 1) * (_without_each(first, holds) - _without_each(second, holds))


def _without_each(part: Part, holds: np.ndarray) -> np.ndarray:
    """The value without each of the clusters that `holds` marks, float64 (n,)."""
    if isinstance(part, Sums):
        table = exact([part.table])[0]
        return part.values(table.sum(axis=0) - table[holds])
    left_out = np.flatnonzero(holds)
    sampler, found = part.sampler(), []
    for start in range(0, len(left_out), LEFT_OUT):
        weights = np.ones((len(left_out[start : start + LEFT_OUT]), len(holds)))
        np.put_along_axis(weights, left_out[start : start + LEFT_OUT, None], 0, axis=1)
        found.append(sampler(weights))
    return np.concatenate(found)


def t_test(differences: np.ndarray, confidence: float) -> TTest:
    """The paired t-test of `differences` (N,), one a cluster, with Cohen's d and its interval (noncentral t)."""
    n = len(differences)
    if n < 2 or not np.isfinite(differences).all():
        return TTest()
    mean, spread = float(differences.mean()), float(differences.std(ddof=1))
    if spread <= TIE * np.abs(differences).max():
        return TTest()
    t = mean / spread * n**0.5
    low, high = noncentrality(t, n - 1, confidence)
    return TTest(
        p_value=float(2 * stats.t.sf(abs(t), n - 1)),
        effect_size=mean / spread,
        effect_low=low / n**0.5,
        effect_high=high / n**0.5,
        minimum_detectable=detectable(n, confidence) * spread,
    )


def noncentrality(t: float, freedom: int, confidence: float) -> tuple[float, float]:
    """The interval of the noncentrality that an observed `t` allows (Steiger & Fouladi 1997)."""

    def at(chance: float) -> float:
        # Of the mirror image where t is negative: the distribution's code is made for the upper side.
        reach = 10.0
        while not (_below(t, freedom, t - reach) > chance > _below(t, freedom, t + reach)):
            reach *= 2
        return float(optimize.brentq(lambda nc: _below(t, freedom, nc) - chance, t - reach, t + reach, xtol=1e-10))

    return at((1 + confidence) / 2), at((1 - confidence) / 2)


def _below(t: float, freedom: int, noncentral: float) -> float:
    """P(T ≤ t) of the noncentral t distribution."""
    if t < 0:
        return float(stats.nct.sf(-t, freedom, -noncentral))
    return float(stats.nct.cdf(t, freedom, noncentral))


def detectable(n: int, confidence: float) -> float:
    """The smallest true d_z that a two-sided paired t-test of n clusters finds with a chance of `POWER`.

    One test by itself at the level 1 − `confidence`, before any correction (Cohen 1988).
    """
    edge = float(stats.t.ppf((1 + confidence) / 2, n - 1))

    def power(noncentral: float) -> float:
        return 1 - _below(edge, n - 1, noncentral) + _below(-edge, n - 1, noncentral)

    reach = 2 * edge + 5
    return float(optimize.brentq(lambda nc: power(nc) - POWER, 0, reach)) / n**0.5


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
