"""Paired tests against SciPy, textbook definitions and simulations."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from samgap.statistics import jackknife, paired
from tests.helpers.sums import draw_pair, make_sums

# --- t-test, effect size and minimum detectable effect


def test_equal_cells_and_single_clusters_have_no_t_test():
    values = make_sums([0.2, 0.9, 0.4])
    assert paired.t_test(jackknife.pseudo_values(values, values), 0.95) == paired.TTest()
    assert paired.t_test(jackknife.pseudo_values(make_sums([0.9]), make_sums([0.1])), 0.95) == paired.TTest()


def test_t_test_of_equally_weighted_clusters_is_scipys():
    first, second = draw_pair(12, 40, 0.02)
    expected_result = stats.ttest_rel(first, second)
    result = paired.t_test(jackknife.pseudo_values(make_sums(first), make_sums(second)), 0.95)
    difference = first - second
    assert result.p_value == pytest.approx(expected_result.pvalue, abs=1e-9)
    assert result.effect_size == pytest.approx(difference.mean() / difference.std(ddof=1), abs=1e-9)
    # The same with three instances per cluster.
    three_instances = make_sums(first * 3, np.full(40, 3)), make_sums(second * 3, np.full(40, 3))
    assert paired.t_test(jackknife.pseudo_values(*three_instances), 0.95).p_value == pytest.approx(
        expected_result.pvalue, abs=1e-9
    )


def noncentral_t_cdf(t, dof, noncentrality):
    """Integrate P(T ≤ t) from the definition: a normal over √(chi-square / degrees of freedom)."""

    def density(s):
        return special.ndtr(t * s - noncentrality) * stats.chi.pdf(s * dof**0.5, dof) * dof**0.5

    width = 10 / (2 * dof) ** 0.5
    return integrate.quad(density, max(0, 1 - width), 1 + width, epsabs=1e-12, limit=500)[0]


@pytest.mark.parametrize("t", [-25.0, -0.7, 0.0, 2.1, 80.0])
@pytest.mark.parametrize("n", [3, 10, 331])
def test_ends_of_the_noncentrality_interval_have_the_tail_probabilities(t, n):
    low, high = paired.noncentrality_interval(t, n - 1, 0.95)
    assert low < t < high
    assert noncentral_t_cdf(t, n - 1, low) == pytest.approx(0.975, abs=1e-6)
    assert noncentral_t_cdf(t, n - 1, high) == pytest.approx(0.025, abs=1e-6)


def test_interval_of_cohens_d_covers_the_true_value():
    rng = np.random.default_rng(6)
    tests = [paired.t_test(row, 0.95) for row in rng.normal(0.5, 1, (400, 20))]
    coverage = np.mean([test.effect_low <= 0.5 <= test.effect_high for test in tests])
    assert 0.92 <= coverage <= 0.98


@pytest.mark.parametrize("n", [5, 30, 331])
def test_minimum_detectable_effect_is_detected_with_the_nominal_power(n):
    rng = np.random.default_rng(n)
    rows = paired.minimum_detectable_effect(n, 0.95) + rng.normal(0, 1, (20_000, n))
    assert np.mean(stats.ttest_1samp(rows, 0, axis=1).pvalue < 0.05) == pytest.approx(paired.POWER, abs=0.012)


def test_minimum_detectable_difference_is_in_the_unit_of_the_metric():
    first, second = draw_pair(1, 30)
    minimum = paired.t_test(first - second, 0.95).minimum_detectable
    assert paired.t_test(100 * (first - second), 0.95).minimum_detectable == pytest.approx(100 * minimum)
    assert minimum == pytest.approx(paired.minimum_detectable_effect(30, 0.95) * (first - second).std(ddof=1))


@pytest.mark.parametrize("values", [[], [0.3], [0.3, np.nan], [0.2, 0.2, 0.2], [0.1 + 1e-16, 0.1, 0.1]])
def test_without_spread_there_is_no_t_test(values):
    assert paired.t_test(np.array(values), 0.95) == paired.TTest()


# --- corrections


def rejected_by_holm(p_values, level):
    """Test the p-values in ascending order, each at level / (number of remaining ones), until one is not rejected."""
    rejected = set()
    for number, k in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[k] * (len(p_values) - number) > level:
            break
        rejected.add(int(k))
    return rejected


@pytest.mark.parametrize("seed", range(20))
def test_holm_agrees_with_the_step_down_procedure(seed):
    rng = np.random.default_rng(seed)
    p_values = (rng.random(rng.integers(1, 12)) ** 3).tolist()
    p_values += p_values[:2]
    corrected_p_values = paired.holm(p_values)
    # A test is rejected at the level of its corrected p-value, and not below.
    for k, corrected in enumerate(corrected_p_values):
        assert corrected == 1 or k in rejected_by_holm(p_values, corrected * (1 + 1e-9))
        assert k not in rejected_by_holm(p_values, corrected * (1 - 1e-9))
    assert all(
        p <= holm <= bonf + 1e-15
        for p, holm, bonf in zip(p_values, corrected_p_values, paired.bonferroni(p_values), strict=True)
    )


def test_corrections_of_an_example():
    assert paired.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert paired.bonferroni([0.01, 0.3, 0.5]) == pytest.approx([0.03, 0.9, 1.0])
    assert paired.holm([]) == paired.bonferroni([]) == []


def test_holm_controls_the_family_wise_error_rate():
    rng = np.random.default_rng(2)
    error_rate = np.mean([min(paired.holm(row)) <= 0.05 for row in rng.random((4000, 6))])
    assert error_rate == pytest.approx(0.05, abs=0.012)
