"""The permutation test against SciPy, brute force and simulations."""

import itertools

import numpy as np
import pytest
from scipy import stats

from samgap.statistics import jackknife
from samgap.statistics.clusters import assign_clusters
from samgap.statistics.permutation import permutation_p_value
from samgap.statistics.sums import summarize_metric
from tests.helpers.ranking import make_ranking
from tests.helpers.sums import draw_pair, images_table, make_sums, make_table, random_results


def p_value(first, second, permutations=9999, seed=1):
    return permutation_p_value(make_sums(first), make_sums(second), permutations, np.random.default_rng(seed))


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.06])
def test_p_value_of_few_clusters_is_exact_as_in_scipy(shift):
    first, second = draw_pair(3, 11, shift)
    expected_result = stats.permutation_test(
        (first, second), lambda a, b, axis: a.mean(axis) - b.mean(axis), permutation_type="samples",
        n_resamples=np.inf, vectorized=True,
    )  # fmt: skip
    assert p_value(first, second) == pytest.approx(expected_result.pvalue, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.01, 0.03])
def test_p_value_of_many_clusters_is_random_as_in_scipy(shift):
    first, second = draw_pair(5, 60, shift)
    expected_result = stats.permutation_test(
        (first, second), lambda a, b, axis: a.mean(axis) - b.mean(axis), permutation_type="samples",
        n_resamples=9999, vectorized=True, rng=np.random.default_rng(2),
    )  # fmt: skip
    # Both are Monte Carlo: the standard error of either is at most 0.005.
    assert p_value(first, second) == pytest.approx(expected_result.pvalue, abs=0.02)


def test_p_value_tests_the_equality_of_ratios_and_not_of_distributions():
    # Equal true precision, 0.8; the first cell predicts 5 masks per image, the second 5 or 45.
    rng = np.random.default_rng(5)
    p_values = []
    for _ in range(400):
        few, many = np.full(30, 5), rng.choice([5, 45], 30)
        cells = make_sums(rng.binomial(few, 0.8), few), make_sums(rng.binomial(many, 0.8), many)
        p_values.append(permutation_p_value(*cells, 999, rng))
    # The standard error of the size is 1.1 %.
    assert 0.025 <= np.mean(np.array(p_values) <= 0.05) <= 0.08


def test_p_value_is_uniform_without_a_difference():
    rng = np.random.default_rng(4)
    p_values = [
        p_value(common + rng.normal(0, 1, 25), common + rng.normal(0, 1, 25), 499, seed)
        for seed, common in enumerate(rng.normal(0, 3, (300, 25)))
    ]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert 0.02 <= np.mean(np.array(p_values) <= 0.05) <= 0.09


def test_equal_cells_have_p_value_1():
    values = np.array([0.2, 0.9, 0.4])
    assert p_value(values, values) == 1
    assert p_value(np.tile(values, 20), np.tile(values, 20), 500) == 1


def test_one_cluster_has_no_test():
    assert p_value([0.9], [0.1]) is None


def test_p_value_is_never_0():
    assert p_value(np.ones(50), np.zeros(50), 999) == 1 / 1000


def studentise(first, second):
    """Return |difference| / standard error of two ratios, from tables (N, 2) of numerators and denominators."""
    residuals, ratios = [], []
    with np.errstate(invalid="ignore"):
        for side in (first, second):
            numerator, denominator = side.sum(axis=0)
            ratios.append(numerator / denominator)
            residuals.append((side[:, 0] - ratios[-1] * side[:, 1]) / denominator)
    return abs(ratios[0] - ratios[1]) / np.sqrt(((residuals[0] - residuals[1]) ** 2).sum())


def p_value_of_all_swaps(first, second):
    """Return the share of swaps with a statistic as large as the observed one, or undefined."""
    values = []
    for swaps in itertools.product((False, True), repeat=len(first)):
        is_swapped = np.array(swaps)[:, None]
        values.append(studentise(np.where(is_swapped, second, first), np.where(is_swapped, first, second)))
    return np.mean(~(np.array(values) < values[0] - 1e-9))


def test_ratio_and_its_standard_error_are_recomputed_for_every_swap():
    rng = np.random.default_rng(8)
    truth = rng.integers(1, 9, 8)
    other_truth = truth + rng.integers(0, 3, 8)
    first = np.stack([rng.binomial(truth, 0.8), truth], axis=1).astype(float)
    second = np.stack([rng.binomial(other_truth, 0.65), other_truth], axis=1).astype(float)
    expected = p_value_of_all_swaps(first, second)
    assert 0.02 < expected < 0.6
    assert permutation_p_value(make_sums(*first.T), make_sums(*second.T), 256, np.random.default_rng(0)) == expected


def test_a_swap_with_an_undefined_metric_counts_as_extreme():
    # The swap of the first two clusters, or of the last two, leaves one of the cells without an instance.
    first = np.array([(0.9, 1), (0.7, 1), (0, 0), (0, 0)])
    second = np.array([(0, 0), (0, 0), (0.6, 1), (0.5, 1)])
    expected = p_value_of_all_swaps(first, second)
    assert expected > 2 / 16
    assert permutation_p_value(make_sums(*first.T), make_sums(*second.T), 16, np.random.default_rng(0)) == expected


def test_signs_of_a_ranked_difference_are_flipped():
    # |sum| of the eight flips of 3, 1, -1: 3, 5, 1, 3 and again with all signs reversed. Six reach the observed 3.
    zero = make_ranking(np.zeros(3), np.arange(3))
    for values, expected in (([3, 1, -1], 6 / 8), ([3, 1, 2], 2 / 8)):
        ranking = make_ranking(np.array(values, float), np.arange(3))
        assert permutation_p_value(ranking, zero, 8, np.random.default_rng(0)) == expected


def test_ranked_metric_has_the_test_of_the_same_mean():
    first, second = draw_pair(9, 10, 0.03)
    rankings = [make_ranking(values, np.arange(10)) for values in (first, second)]
    assert permutation_p_value(*rankings, 1024, np.random.default_rng(0)) == p_value(first, second, 1024)


def summarize_clicks(rng, n_images, limit, noise):
    """Summarize images whose IoU rises to `limit` with further clicks, and differs between images by `noise`."""
    reached = limit + noise * rng.normal(size=n_images)
    ious = np.clip(reached[:, None] * (1 - np.exp(-(np.arange(20) + 1.5) / 4)), 0, 1)
    fields = {"kind": "clicks", "evaluable": True, "exhaustive": True, "n_truth": 1}
    rows = [
        {**fields, "prompt_id": str(image), "image_id": image, "click_iou": list(values)}
        for image, values in enumerate(ious, 1)
    ]
    return summarize_metric("upstream-clicks-85", make_table("pairs", rows), assign_clusters(images_table(n_images)))


def test_a_metric_of_steps_keeps_the_level_and_finds_a_difference():
    # The IoU after 13 clicks is 0.85 in the population, so that a sample has 13 or 14 clicks.
    rng, equal = np.random.default_rng(2), 0.85 / (1 - np.exp(-13.5 / 4))
    p_values = {"equal": [], "different": []}
    for _ in range(150):
        for name, limit in (("equal", equal), ("different", equal + 0.04)):
            cells = summarize_clicks(rng, 30, limit, 0.03), summarize_clicks(rng, 30, equal, 0.08)
            p_values[name].append(permutation_p_value(*cells, 199, rng))
    # Flipped signs of pseudo-values reject equal metrics in 63 % of these samples; studentised swaps find nothing.
    shares = {name: np.mean(np.array(values) <= 0.05) for name, values in p_values.items()}
    assert shares["equal"] <= 0.08 and shares["different"] >= 0.5


def test_a_metric_of_steps_has_the_plain_permutation_test():
    rng = np.random.default_rng(3)
    cells = summarize_clicks(rng, 8, 0.92, 0.03), summarize_clicks(rng, 8, 0.88, 0.06)
    curves = np.stack([cell.cluster_sums[:, :20] for cell in cells], axis=1)
    differences = []
    for swaps in itertools.product((0, 1), repeat=8):
        first, second = (curves[range(8), np.array(swaps) ^ side].mean(axis=0) for side in (0, 1))
        differences.append(abs(int((first >= 0.85).argmax()) - int((second >= 0.85).argmax())))
    expected = np.mean(np.array(differences) >= differences[0])
    assert differences[0] > 0 and 2 / 2**8 < expected < 1
    assert permutation_p_value(*cells, 256, rng) == expected


@pytest.mark.parametrize("metric", ["pmf1", "cgf1", "il-mcc", "precision"])
def test_order_of_the_cells_changes_nothing(metric):
    images = images_table(9)
    clustering = assign_clusters(images)
    cells = [summarize_metric(metric, random_results(seed, images)[0], clustering) for seed in (1, 2)]
    p_values = [permutation_p_value(*pair, 512, np.random.default_rng(0)) for pair in (cells, cells[::-1])]
    assert p_values[0] == p_values[1] and 0 < p_values[0] < 1


def test_clusters_without_data_change_nothing():
    first, second = draw_pair(6, 9, 0.03)
    truth = np.repeat([1, 0], [9, 30])
    cells = [make_sums(np.concatenate([side, np.zeros(30)]), truth) for side in (first, second)]
    assert permutation_p_value(*cells, 999, np.random.default_rng(0)) == p_value(first, second, 999)
    assert jackknife.pseudo_values(*cells) == pytest.approx(
        jackknife.pseudo_values(make_sums(first), make_sums(second)), abs=1e-9
    )


def test_without_a_cluster_the_difference_may_be_undefined():
    cells = make_sums([0.9, 0.0], [1, 0]), make_sums([0.1, 0.5])
    assert np.isnan(jackknife.pseudo_values(*cells)).tolist() == [True, False]
    assert permutation_p_value(*cells, 100, np.random.default_rng(0)) is None
