"""Paired tests of two cells on the same clusters: t-test, effect size, corrections (`permutation.py` has the other).

`unpaired.py` has those of different clusters.

All of them use the jackknife's pseudo-values of the difference, one per cluster (`jackknife.py`). If all clusters have
equal weight, these are the clusters' differences, and the tests are the usual paired ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

POWER = 0.8
"""Power of the test at the minimum detectable effect."""
NO_SPREAD = 1e-12
"""Standard deviation, as a part of the largest difference, that is taken as 0, because of rounding."""


@dataclass(frozen=True)
class TTest:
    """Result of a t-test; None where undefined (fewer than two clusters, or no spread)."""

    p_value: float | None = None
    effect_size: float | None = None
    """Cohen's d: of paired differences (d_z), mean / standard deviation; of two samples, see `unpaired.py`."""
    effect_low: float | None = None
    effect_high: float | None = None
    minimum_detectable: float | None = None
    """Smallest true difference, in the metric's unit, that the test detects with probability `POWER`."""


def t_test(differences: np.ndarray, confidence: float) -> TTest:
    """Compute the paired t-test of differences (N,), one per cluster, with Cohen's d and its interval."""
    n = len(differences)
    if n < 2 or not np.isfinite(differences).all():
        return TTest()
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    if deviation <= NO_SPREAD * np.abs(differences).max():
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


def _nct_cdf(t: float, dof: float, nc: float) -> float:
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
    return detectable_noncentrality(n_clusters - 1, confidence) / n_clusters**0.5


def detectable_noncentrality(dof: float, confidence: float) -> float:
    """Compute the true difference, in standard errors, that a two-sided t-test detects with probability `POWER`."""
    critical_t = float(stats.t.ppf((1 + confidence) / 2, dof))

    def power(nc: float) -> float:
        return 1 - _nct_cdf(critical_t, dof, nc) + _nct_cdf(-critical_t, dof, nc)

    return float(optimize.brentq(lambda nc: power(nc) - POWER, 0, 2 * critical_t + 5))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct the p-values of one family by Holm (1979), in the order of the input."""
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return corrected.tolist()


def bonferroni(p_values: Sequence[float]) -> list[float]:
    """Multiply the p-values of one family by their number, up to 1."""
    return [min(p * len(p_values), 1.0) for p in p_values]
