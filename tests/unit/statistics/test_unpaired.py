"""Tests of two independent samples."""

import numpy as np
import pytest
from scipy import stats

from samgap.statistics import bootstrap, unpaired
from samgap.statistics.paired import TTest

RNG = np.random.default_rng(5)
FIRST, SECOND = RNG.normal(0.6, 0.1, 12), RNG.normal(0.5, 0.3, 7)


def make_rng():
    return bootstrap.seeded_generator(1, "swaps")


def test_the_t_test_is_welchs():
    result = unpaired.t_test(FIRST, SECOND, 0.95)
    expected = stats.ttest_ind(FIRST, SECOND, equal_var=False)
    assert result.p_value == pytest.approx(expected.pvalue)
    error, dof = unpaired.welch_error(FIRST, SECOND)
    assert dof == pytest.approx(expected.df)
    assert error == pytest.approx((FIRST.mean() - SECOND.mean()) / expected.statistic)
    mean_deviation = ((FIRST.var(ddof=1) + SECOND.var(ddof=1)) / 2) ** 0.5
    assert result.effect_size == pytest.approx((FIRST.mean() - SECOND.mean()) / mean_deviation)
    assert result.effect_low < result.effect_size < result.effect_high


def test_the_interval_of_d_is_bonetts():
    # Of two samples of 20 with equal variances, d = 1 has the variance d²/(4·19) + 2/19.
    first = np.tile([1.0, -1.0], 10)
    second = first - first.std(ddof=1)
    result = unpaired.t_test(first, second, 0.95)
    half_width = 1.959964 * (1 / (4 * 19) + 2 / 19) ** 0.5
    assert (result.effect_low, result.effect_high) == pytest.approx((1 - half_width, 1 + half_width), abs=1e-6)


def test_the_interval_of_d_covers_the_true_d():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(1000):
        result = unpaired.t_test(rng.normal(0.5, 1.5, 25), rng.normal(0, 0.5, 40), 0.95)
        covered += result.effect_low <= 0.5 / 1.25**0.5 <= result.effect_high
    assert 0.92 <= covered / 1000 <= 0.98


def test_the_minimum_detectable_difference_is_detected_with_80_percent():
    minimum = unpaired.t_test(FIRST, SECOND, 0.95).minimum_detectable
    rng, scales = np.random.default_rng(1), (FIRST.std(ddof=1), SECOND.std(ddof=1))
    samples = rng.normal(minimum, scales[0], (12, 5000)), rng.normal(0, scales[1], (7, 5000))
    p_values = stats.ttest_ind(*samples, equal_var=False).pvalue
    assert (p_values <= 0.05).mean() == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("n_first", "n_second"), [(5, 6), (4, 4), (12, 7)])
def test_all_divisions_are_scipys_and_random_ones_are_close(n_first, n_second):
    first, second = FIRST[:n_first], SECOND[:n_second]

    def statistic(x, y, axis):
        return stats.ttest_ind(x, y, axis=axis, equal_var=False).statistic

    expected = stats.permutation_test((first, second), statistic, vectorized=True, n_resamples=np.inf).pvalue
    exact = unpaired.permutation_p_value(first, second, 100_000, make_rng())
    # SciPy doubles the smaller tail; the absolute statistic has both.
    values = stats.permutation_test((first, second), statistic, vectorized=True, n_resamples=np.inf)
    extreme = np.abs(values.null_distribution) >= abs(values.statistic) * (1 - 1e-9)
    assert exact == pytest.approx(extreme.mean()) and exact == pytest.approx(expected, abs=0.06)
    assert unpaired.permutation_p_value(first, second, 60, make_rng()) == pytest.approx(exact, abs=0.2)


def test_a_random_test_counts_the_observed_division():
    assert unpaired.permutation_p_value(np.arange(20.0) + 100, np.arange(20.0), 99, make_rng()) == 0.01


def test_samples_without_spread():
    ones, zeros = np.ones(4), np.zeros(5)
    assert unpaired.t_test(ones, ones, 0.95) == TTest()
    assert unpaired.permutation_p_value(ones, np.ones(5), 1000, make_rng()) == 1
    assert unpaired.permutation_p_value(ones, zeros, 1000, make_rng()) == 1 / 126
    assert unpaired.welch_error(ones, zeros) == (0, 3)


def test_undefined_pseudo_values_have_no_test():
    undefined = np.array([0.1, np.nan, 0.3, 0.4])
    assert unpaired.t_test(undefined, FIRST, 0.95) == TTest()
    assert unpaired.permutation_p_value(FIRST, undefined, 100, make_rng()) is None
    assert unpaired.one_sided_p_value(FIRST, undefined, 100, make_rng()) is None
