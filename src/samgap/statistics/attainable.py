"""Tests that cannot be significant after correction, because the permutation test has too few different results."""

from collections.abc import Sequence

from samgap.statistics.paired import holm
from samgap.statistics.permutation import uses_all_swaps


def smallest_p_value(n_clusters: int, n_permutations: int) -> float:
    """Return the smallest p-value that the permutation test of a difference can have.

    Of the 2^n swaps of n clusters, the one of no cluster and the one of all are always at least as extreme as the
    observed difference. With more swaps than `n_permutations`, these are drawn at random, and p is at least
    1 / (1 + `n_permutations`).

    Source: Phipson & Smyth (2010).
    """
    if uses_all_swaps(n_clusters, n_permutations):
        return min(2 / 2**n_clusters, 1.0)
    return 1 / (1 + n_permutations)


def explain_unattainable(clusters: Sequence[int], n_permutations: int, level: float) -> list[str | None]:
    """Return, for each test of a family, why it cannot reach a level after Holm's correction; None if it can.

    A test can if it does when every test of the family has its smallest p-value, as Holm's corrected p-values only
    grow with each p-value.

    Args:
        clusters: Number of clusters of each test.
        n_permutations: Number of random swaps, the resamples of the configuration.
        level: Level of significance, such as 0.05.
    """
    smallest = [smallest_p_value(n, n_permutations) for n in clusters]
    reasons: list[str | None] = []
    for n_clusters, p_value, corrected in zip(clusters, smallest, holm(smallest), strict=True):
        if corrected <= level:
            reasons.append(None)
            continue
        remedy = "more clusters" if uses_all_swaps(n_clusters, n_permutations) else "more `resamples`"
        units = f"{n_clusters:,} cluster{'' if n_clusters == 1 else 's'}"
        tests = f"{len(clusters)} test{'' if len(clusters) == 1 else 's'}"
        reasons.append(
            f"cannot be significant: with {units} and {n_permutations:,} resamples p is at least {p_value:.2g}, and "
            f"p (Holm) of {tests} at least {corrected:.2g}, above {level:.2g}; it needs fewer tests or {remedy}"
        )
    return reasons
