"""Two one-sided tests: whether a difference is smaller than a margin that was set beforehand.

"Not significantly different" says nothing of two models: the sample may be too small. Two values are equivalent if the
difference is significantly above −margin and significantly below +margin. Each of these tests is one of the difference
plus or minus the margin, in one direction: of paired values, signs of the pseudo-values are flipped; of unpaired
values, the clusters are divided again.

Source: Schuirmann (1987); Canay, Romano & Shaikh (2017) on flips of signs; Janssen (1997) on divisions.
"""

import numpy as np

from samgap.statistics import unpaired
from samgap.statistics.permutation import count_swaps


def paired_p_value(
    differences: np.ndarray, margin: float, n_permutations: int, rng: np.random.Generator
) -> float | None:
    """Compute the p-value of the hypothesis that a paired difference is at least the margin, in either direction.

    Args:
        differences: Pseudo-values of the difference, float64 (n,).
        margin: The margin, above 0, in the metric's unit.
        n_permutations: Number of random flips, if not all 2^n are used.
        rng: Source of the flips.

    Returns:
        The larger p-value of both one-sided tests; None if a pseudo-value is undefined.
    """
    if not np.isfinite(differences).all():
        return None
    return max(_flip(margin + sign * differences, n_permutations, rng) for sign in (1, -1))


def unpaired_p_value(
    first: np.ndarray, second: np.ndarray, margin: float, n_permutations: int, rng: np.random.Generator
) -> float | None:
    """Compute the same p-value for two samples of pseudo-values, float64 (N,) and (M,)."""
    above = unpaired.one_sided_p_value(first + margin, second, n_permutations, rng)
    below = unpaired.one_sided_p_value(second + margin, first, n_permutations, rng)
    return None if above is None or below is None else max(above, below)


def describe_outcome(p_holm: float | None, p_equivalence_holm: float | None, level: float) -> str | None:
    """Return what both corrected p-values say of two values at a level of significance; None without the first."""
    if p_holm is None:
        return None
    is_equivalent = p_equivalence_holm is not None and p_equivalence_holm <= level
    if p_holm <= level:
        return "different within the margin" if is_equivalent else "different"
    return "equivalent" if is_equivalent else "undecided"


def _flip(values: np.ndarray, n_permutations: int, rng: np.random.Generator) -> float:
    """Return the p-value that the mean of values (n,) is not above 0: their sum orders the flips as their t does."""
    return count_swaps(lambda swaps: np.einsum("rn,n->r", 1 - 2 * swaps, values), len(values), n_permutations, rng)
