"""Tests of two values of different clusters, such as two data sets: permutation test, Welch's t-test, effect size.

All of them use the jackknife's pseudo-values of each value, one per cluster (`jackknife.py`). If all clusters have
equal weight, these are the clusters' values, and the tests are the usual ones of two samples.

The permutation test is studentised by Welch's standard error: a plain one would be a test of equal distributions, and
reject equal means of samples with different spreads and sizes too often or too rarely.

Source: Welch (1947); Janssen (1997); Chung & Romano (2013); Bonett (2008) on d of unequal variances.
"""

import itertools
import math
from collections.abc import Iterator

import numpy as np
from scipy import stats

from samgap.statistics import bootstrap
from samgap.statistics.paired import NO_SPREAD, TTest, detectable_noncentrality
from samgap.statistics.permutation import NO_DIFFERENCE, NO_ERROR, Statistic, count_extreme, uses_all


def t_test(first: np.ndarray, second: np.ndarray, confidence: float) -> TTest:
    """Compute Welch's t-test of two samples (N,) and (M,), with Cohen's d and its interval.

    d is the difference of the means over the root of the mean variance, with Bonett's interval.
    """
    samples = first, second
    if min(map(len, samples)) < 2 or not all(np.isfinite(sample).all() for sample in samples):
        return TTest()
    difference = float(first.mean() - second.mean())
    error, dof = welch_error(first, second)
    if error <= NO_SPREAD * max(np.abs(sample).max() for sample in samples):
        return TTest()
    variances = [float(sample.var(ddof=1)) for sample in samples]
    mean_variance = sum(variances) / 2
    effect_size = difference / mean_variance**0.5
    effect_variance = sum(
        (effect_size**2 * variance**2 / (8 * mean_variance**2) + variance / mean_variance) / (len(sample) - 1)
        for sample, variance in zip(samples, variances, strict=True)
    )
    half_width = float(stats.norm.ppf((1 + confidence) / 2)) * effect_variance**0.5
    return TTest(
        p_value=float(2 * stats.t.sf(abs(difference) / error, dof)),
        effect_size=effect_size,
        effect_low=effect_size - half_width,
        effect_high=effect_size + half_width,
        minimum_detectable=detectable_noncentrality(dof, confidence) * error,
    )


def welch_error(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return the standard error of the difference of two means, and its degrees of freedom by Satterthwaite (1946)."""
    parts = np.array([sample.var(ddof=1) / len(sample) for sample in (first, second)])
    error = float(parts.sum() ** 0.5)
    if not error:
        return 0.0, float(min(len(first), len(second)) - 1)
    dof = parts.sum() ** 2 / (parts**2 / [len(first) - 1, len(second) - 1]).sum()
    return error, float(dof)


def permutation_p_value(
    first: np.ndarray, second: np.ndarray, n_permutations: int, rng: np.random.Generator
) -> float | None:
    """Compute the two-sided p-value of the studentised permutation test that two means are equal.

    The statistic is Welch's |t| after the clusters of both samples are divided again into two of the same sizes. All
    divisions are used if these are at most `n_permutations`, otherwise as many random ones, and the observed one is
    counted too. None if a pseudo-value is undefined.
    """
    pooled = np.concatenate([first, second])
    if not np.isfinite(pooled).all():
        return None
    statistic = _welch_statistic(pooled, len(first))
    return count_divisions(lambda labels: np.abs(statistic(labels)), len(first), len(second), n_permutations, rng)


def one_sided_p_value(
    first: np.ndarray, second: np.ndarray, n_permutations: int, rng: np.random.Generator
) -> float | None:
    """Compute the p-value of the same test that the mean of the first sample is not larger than that of the second."""
    pooled = np.concatenate([first, second])
    if not np.isfinite(pooled).all():
        return None
    return count_divisions(_welch_statistic(pooled, len(first)), len(first), len(second), n_permutations, rng)


def count_divisions(
    statistic: Statistic, n_first: int, n_second: int, n_permutations: int, rng: np.random.Generator
) -> float:
    """Return the share of divisions whose statistic is at least as large as that of the samples: all, or random."""
    n = n_first + n_second
    observed = float(statistic(np.arange(n)[None] < n_first)[0])
    is_exact = uses_all(math.comb(n, n_first), n_permutations)
    divisions = _all_divisions(n, n_first) if is_exact else _random_divisions(n, n_first, n_permutations, rng)
    return count_extreme(statistic, observed, divisions, is_exact)


def _welch_statistic(pooled: np.ndarray, n_first: int) -> Statistic:
    """Return Welch's t of divisions, bool (R, n), true for the first sample."""
    n_second = len(pooled) - n_first
    centred = pooled - pooled.mean()
    squares = centred**2
    extent = max(float(np.abs(pooled).max()), np.finfo(float).tiny)

    def studentise(is_first: np.ndarray) -> np.ndarray:
        # Without BLAS, whose sums depend on the threads.
        sums, square_sums = (np.einsum("rn,n->r", is_first.astype(float), values) for values in (centred, squares))
        first_mean, second_mean = sums / n_first, (centred.sum() - sums) / n_second
        variance = (square_sums / n_first - first_mean**2) / (n_first - 1)
        variance += ((squares.sum() - square_sums) / n_second - second_mean**2) / (n_second - 1)
        difference, error = first_mean - second_mean, np.sqrt(np.maximum(variance, 0))
        is_zero, has_no_error = np.abs(difference) <= NO_DIFFERENCE, error <= NO_ERROR * extent
        ratio = difference / np.where(has_no_error, 1.0, error)
        return np.where(is_zero, 0.0, np.where(has_no_error, np.copysign(np.inf, difference), ratio))

    return studentise


def _all_divisions(n: int, n_first: int) -> Iterator[np.ndarray]:
    members = np.array(list(itertools.combinations(range(n), n_first)))
    is_first = np.zeros((len(members), n), bool)
    np.put_along_axis(is_first, members, True, axis=1)
    yield is_first


def _random_divisions(n: int, n_first: int, n_permutations: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    rows_per_block = max(bootstrap.MAX_BLOCK_ELEMENTS // n, 1)
    for start in range(0, n_permutations, rows_per_block):
        n_rows = min(rows_per_block, n_permutations - start)
        yield rng.random((n_rows, n)).argsort(axis=1).argsort(axis=1) < n_first
