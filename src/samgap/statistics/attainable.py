"""Tests that cannot be significant after correction, because the permutation test has too few different results."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from samgap.statistics.paired import holm
from samgap.statistics.permutation import uses_all


@dataclass(frozen=True)
class Arrangements:
    """The arrangements of clusters that a permutation test can use: swaps of pairs, or divisions into two samples."""

    n_clusters: int
    count: int
    """Number of different arrangements."""
    n_extreme: int
    """Number of them that are at least as extreme as any sample's own."""

    @classmethod
    def of_swaps(cls, n_clusters: int) -> "Arrangements":
        """Return the 2^n swaps of n clusters: that of no cluster and that of all always have the same statistic."""
        return cls(n_clusters, 2**n_clusters, 2 if n_clusters else 1)

    @classmethod
    def of_divisions(cls, n_first: int, n_second: int) -> "Arrangements":
        """Return the divisions of clusters into two samples: of equal samples, both orders have the same statistic."""
        n_clusters = n_first + n_second
        return cls(n_clusters, math.comb(n_clusters, n_first), 2 if n_first == n_second else 1)

    @property
    def one_sided(self) -> "Arrangements":
        """The same for a test in one direction, such as those of equivalence: only the sample's own is extreme."""
        return replace(self, n_extreme=1)

    def is_exact(self, n_permutations: int) -> bool:
        """Return whether all arrangements are used, and no random ones."""
        return uses_all(self.count, n_permutations)

    def smallest_p_value(self, n_permutations: int) -> float:
        """Return the smallest p-value that the permutation test of a difference can have.

        With more arrangements than `n_permutations`, these are drawn at random, and p is at least
        1 / (1 + `n_permutations`).

        Source: Phipson & Smyth (2010).
        """
        return self.n_extreme / self.count if self.is_exact(n_permutations) else 1 / (1 + n_permutations)


def explain_unattainable(
    tests: Sequence[Arrangements], n_permutations: int, level: float, conclusion: str = "significant"
) -> list[str | None]:
    """Return, for each test of a family, why it cannot reach a level after Holm's correction; None if it can.

    A test can if it does when every test of the family has its smallest p-value, as Holm's corrected p-values only
    grow with each p-value.

    Args:
        tests: The arrangements of each test.
        n_permutations: Number of random arrangements, the resamples of the configuration.
        level: Level of significance, such as 0.05.
        conclusion: What a p-value up to the level means, for the message.
    """
    smallest = [test.smallest_p_value(n_permutations) for test in tests]
    reasons: list[str | None] = []
    for test, p_value, corrected in zip(tests, smallest, holm(smallest), strict=True):
        if corrected <= level:
            reasons.append(None)
            continue
        remedy = "more clusters" if test.is_exact(n_permutations) else "more `resamples`"
        units = f"{test.n_clusters:,} cluster{'' if test.n_clusters == 1 else 's'}"
        family = f"{len(tests)} test{'' if len(tests) == 1 else 's'}"
        reasons.append(
            f"cannot be {conclusion}: with {units} and {n_permutations:,} resamples p is at least {p_value:.2g}, and "
            f"p (Holm) of {family} at least {corrected:.2g}, above {level:.2g}; it needs fewer tests or {remedy}"
        )
    return reasons
