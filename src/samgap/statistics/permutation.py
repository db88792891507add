"""The paired permutation test of equal metrics.

Swapping the clusters' data between two cells tests that both have the same distribution. Models with equal metrics at
different operating points do not, so a plain permutation test rejects them too often. The studentised difference is
asymptotically the same for any two distributions with equal metrics, so its permutation test is one of the metrics.

Source: Janssen (1997); Chung & Romano (2013); Canay, Romano & Shaikh (2017) on flips of signs; Phipson & Smyth (2010).
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from samgap.statistics import bootstrap, jackknife
from samgap.statistics.sums import Resampleable, SumStatistics, round_for_exact_sums

TIE_TOLERANCE = 1e-9
"""Relative tolerance within which two statistics are equal, because of rounding."""
NO_DIFFERENCE = 1e-12
"""Difference that is taken as 0 because of rounding."""
NO_ERROR = 1e-7
"""Standard error, as a part of the difference and the largest influences, that is taken as 0, because of rounding."""
GRADIENT_STEP = 1e-6
"""Step of numerical derivatives, relative to the sum of a statistic."""

Statistic = Callable[[np.ndarray], np.ndarray]
"""From swaps of the clusters with data, 0 or 1 (R, n), to the statistic of each, float64 (R,); large is extreme."""


def permutation_p_value(
    first: Resampleable, second: Resampleable, n_permutations: int, rng: np.random.Generator
) -> float | None:
    """Compute the two-sided p-value of the studentised permutation test that two metrics are equal.

    For a metric of sums, clusters are swapped between the cells, and the statistic is the difference over its standard
    error by the infinitesimal jackknife. For a ranked metric, whose standard error for every swap would take too long,
    the signs of the pseudo-values of the difference are flipped: their mean orders the flips as their t does. A metric
    of steps has neither a standard error nor pseudo-values that show its spread; the statistic is the difference of the
    swapped cells.

    All 2^n swaps of the n clusters that carry a value are used if these are at most `n_permutations`. Otherwise as many
    random ones are used, and the observed statistic is counted too, so that p is never 0. A swap with an undefined
    metric counts as extreme. For a mean over clusters this is the usual test. None if a pseudo-value is undefined.
    """
    differences = jackknife.pseudo_values(first, second)
    if not np.isfinite(differences).all():
        return None
    n = len(differences)
    if isinstance(first, SumStatistics) and isinstance(second, SumStatistics):
        test = _swapped_differences if first.metric.has_steps or second.metric.has_steps else _studentised_swaps
        statistic = test(first, second)
    else:
        statistic = _flipped_signs(differences)
    return count_swaps(statistic, n, n_permutations, rng)


def count_swaps(statistic: Statistic, n_clusters: int, n_permutations: int, rng: np.random.Generator) -> float:
    """Return the share of swaps of n clusters whose statistic is at least as large as without swaps: all, or random."""
    is_exact = uses_all(2**n_clusters, n_permutations)
    swaps = _all_swaps(n_clusters) if is_exact else _random_swaps(n_clusters, n_permutations, rng)
    observed = float(statistic(np.zeros((1, n_clusters)))[0])
    return count_extreme(statistic, observed, swaps, is_exact)


def count_extreme(statistic: Statistic, observed: float, arrangements: Iterable[np.ndarray], is_exact: bool) -> float:
    """Return the share of arrangements whose statistic is at least the observed one, or undefined.

    Args:
        statistic: The statistic of arrangements.
        observed: Its value for the sample.
        arrangements: Blocks of arrangements (R, n): all of them, or random ones.
        is_exact: Whether they are all, the sample's among them. Otherwise the sample's is counted too.
    """
    lowest = observed - TIE_TOLERANCE * abs(observed) if np.isfinite(observed) else observed
    n_extreme = n_arrangements = 0
    for block in arrangements:
        values = statistic(block)
        n_extreme += int((np.isnan(values) | (values >= lowest)).sum())
        n_arrangements += len(block)
    return n_extreme / n_arrangements if is_exact else (1 + n_extreme) / (1 + n_arrangements)


def uses_all(n_arrangements: int, n_permutations: int) -> bool:
    """Return whether all arrangements of a test are used, such as the 2^n swaps of n clusters, and no random ones."""
    return n_arrangements <= n_permutations


def _flipped_signs(differences: np.ndarray) -> Statistic:
    """Return the absolute sum of pseudo-values (n,) of which the swapped ones have the opposite sign."""
    # Values that rounding leaves of equal cells are 0.
    rounded = np.where(np.abs(differences) <= NO_DIFFERENCE, 0.0, differences)
    return lambda swaps: np.abs(((1 - 2 * swaps) * rounded).sum(axis=1))


def _select_carrying_rows(first: SumStatistics, second: SumStatistics) -> list[np.ndarray]:
    """Return the sums of the clusters that carry one of both values, float64 (n, columns) each, rounded."""
    has_data = first.has_data | second.has_data
    return round_for_exact_sums([first.cluster_sums[has_data], second.cluster_sums[has_data]])


def _swapped_differences(first: SumStatistics, second: SumStatistics) -> Statistic:
    """Return |difference| of two metrics of sums after swaps."""
    first_rows, second_rows = _select_carrying_rows(first, second)
    total = first_rows.sum(axis=0) + second_rows.sum(axis=0)

    def subtract(swaps: np.ndarray) -> np.ndarray:
        first_totals = first_rows.sum(axis=0) + swaps @ (second_rows - first_rows)
        return np.abs(first.evaluate(first_totals) - second.evaluate(total - first_totals))

    return subtract


def _studentised_swaps(first: SumStatistics, second: SumStatistics) -> Statistic:
    """Return |difference| / standard error of two metrics of sums after swaps."""
    first_rows, second_rows = _select_carrying_rows(first, second)
    total = first_rows.sum(axis=0) + second_rows.sum(axis=0)

    def studentise(swaps: np.ndarray) -> np.ndarray:
        first_totals = first_rows.sum(axis=0) + swaps @ (second_rows - first_rows)
        second_totals = total - first_totals
        difference = first.evaluate(first_totals) - second.evaluate(second_totals)
        first_gradient, second_gradient = _gradient(first, first_totals), _gradient(second, second_totals)
        # The influence of each cluster on the difference, (R, n); without BLAS, whose sums depend on the threads.
        unswapped, swapped = (
            np.einsum("rk,nk->rn", first_gradient, a) - np.einsum("rk,nk->rn", second_gradient, b)
            for a, b in ((first_rows, second_rows), (second_rows, first_rows))
        )
        influence = np.where(swaps > 0, swapped, unswapped)
        error = np.sqrt((influence**2).sum(axis=1))
        largest = np.abs(difference) + np.abs(unswapped).max(axis=1) + np.abs(swapped).max(axis=1)
        is_zero, has_no_error = np.abs(difference) <= NO_DIFFERENCE, error <= NO_ERROR * largest
        ratio = np.abs(difference) / np.where(has_no_error, 1.0, error)
        return np.where(is_zero, 0.0, np.where(has_no_error, np.inf, ratio))

    return studentise


def _gradient(statistics: SumStatistics, totals: np.ndarray) -> np.ndarray:
    """Compute the derivatives of the metric with respect to each sum, at sums (R, columns), numerically.

    A sum of 0 is only increased, as counts are not negative. A derivative that does not exist is 0.
    """
    gradient = np.zeros_like(totals)
    for column in range(totals.shape[1]):
        sums = totals[:, column]
        step = GRADIENT_STEP * np.where(sums == 0, 1.0, np.abs(sums))
        above, below = totals.copy(), totals.copy()
        above[:, column] += step
        below[:, column] -= np.where(sums == 0, 0.0, step)
        width = above[:, column] - below[:, column]
        gradient[:, column] = (statistics.evaluate(above) - statistics.evaluate(below)) / width
    return np.nan_to_num(gradient, posinf=0.0, neginf=0.0)


def _all_swaps(n_clusters: int) -> Iterator[np.ndarray]:
    yield (np.arange(2**n_clusters)[:, None] >> np.arange(n_clusters) & 1).astype(np.float64)


def _random_swaps(n_clusters: int, n_permutations: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    rows_per_block = max(bootstrap.MAX_BLOCK_ELEMENTS // n_clusters, 1)
    for start in range(0, n_permutations, rows_per_block):
        n_rows = min(rows_per_block, n_permutations - start)
        yield rng.integers(0, 2, size=(n_rows, n_clusters)).astype(np.float64)
