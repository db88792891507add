import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from samgap.matching.shard import match_shard
from samgap.statistics import bootstrap, paired
from samgap.statistics.clusters import assign_clusters
from samgap.statistics.sums import RankingStatistics, summarize_metric
from tests.helpers.scenes import random_shard
from tests.helpers.sums import evaluate, make_sums


def drawn(seed, clusters, shift=0.0):
    """Two cells of one instance a cluster, alike but for noise and a shift; their values."""
    random = np.random.default_rng(seed)
    common = random.normal(0.6, 0.15, clusters)
    return common + shift + random.normal(0, 0.05, clusters), common + random.normal(0, 0.05, clusters)


def p_of(first, second, permutations=9999, seed=1):
    return paired.permutation_p_value(make_sums(first), make_sums(second), permutations, np.random.default_rng(seed))


# --- the permutation test


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.06])
def test_few_clusters_are_permuted_exactly_as_scipy_does(shift):
    first, second = drawn(3, 11, shift)
    theirs = stats.permutation_test(
        (first, second), lambda a, b, axis: a.mean(axis) - b.mean(axis), permutation_type="samples",
        n_resamples=np.inf, vectorized=True,
    )  # fmt: skip
    assert p_of(first, second) == pytest.approx(theirs.pvalue, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.01, 0.03])
def test_many_clusters_are_permuted_at_random_as_scipy_does(shift):
    first, second = drawn(5, 60, shift)
    theirs = stats.permutation_test(
        (first, second), lambda a, b, axis: a.mean(axis) - b.mean(axis), permutation_type="samples",
        n_resamples=9999, vectorized=True, rng=np.random.default_rng(2),
    )  # fmt: skip
    # Both are Monte Carlo: the standard error of either is at most 0.005.
    assert p_of(first, second) == pytest.approx(theirs.pvalue, abs=0.02)


def test_a_ratio_is_recomputed_for_every_swap():
    random = np.random.default_rng(8)
    truth = random.integers(1, 9, 8).astype(float)
    first, second = random.binomial(truth.astype(int), 0.8), random.binomial(truth.astype(int), 0.5)
    other_truth = truth + random.integers(0, 3, 8)
    a, b = make_sums(first, truth), make_sums(second, other_truth)
    differences = []
    for swaps in itertools.product((0, 1), repeat=8):
        sides = [
            np.array([[first, truth], [second, other_truth]])[:, :, k][:: -1 if s else 1] for k, s in enumerate(swaps)
        ]
        sums = np.sum(sides, axis=0)
        differences.append(sums[0, 0] / sums[0, 1] - sums[1, 0] / sums[1, 1])
    expected = np.mean(np.abs(differences) >= abs(differences[0]) - 1e-9)
    assert paired.permutation_p_value(a, b, 256, np.random.default_rng(0)) == pytest.approx(expected, abs=1e-12)


def test_p_is_uniform_where_nothing_differs():
    random = np.random.default_rng(4)
    p_values = [
        p_of(common + random.normal(0, 1, 25), common + random.normal(0, 1, 25), 499, seed)
        for seed, common in enumerate(random.normal(0, 3, (300, 25)))
    ]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert 0.02 <= np.mean(np.array(p_values) <= 0.05) <= 0.09


def test_cells_that_agree_have_p_1_and_no_t_test():
    same = np.array([0.2, 0.9, 0.4])
    assert p_of(same, same) == 1
    assert p_of(np.tile(same, 20), np.tile(same, 20), 500) == 1
    assert paired.t_test(paired.pseudo_values(make_sums(same), make_sums(same)), 0.95) == paired.TTest()


def test_one_cluster_tells_nothing():
    assert p_of([0.9], [0.1]) == 1
    assert paired.t_test(paired.pseudo_values(make_sums([0.9]), make_sums([0.1])), 0.95) == paired.TTest()


def test_p_is_never_0():
    assert p_of(np.ones(50), np.zeros(50), 999) == 1 / 1000


def test_empty_clusters_change_nothing():
    first, second = drawn(6, 9, 0.03)
    holes = [np.concatenate([side, np.zeros(30)]) for side in (first, second)]
    truth = np.repeat([1, 0], [9, 30])
    a, b = (make_sums(side, truth) for side in holes)
    assert paired.permutation_p_value(a, b, 999, np.random.default_rng(0)) == p_of(first, second, 999)
    assert paired.pseudo_values(a, b) == pytest.approx(
        paired.pseudo_values(make_sums(first), make_sums(second)), abs=1e-9
    )


def test_a_swap_that_leaves_nothing_defined_counts_as_extreme():
    # Only the first cluster of either side has anything to divide by.
    a, b = make_sums([0.9, 0.0], [1, 0]), make_sums([0.1, 0.5], [1, 1])
    expected = []
    for swaps in itertools.product((0, 1), repeat=2):
        sides = [[(0.9, 1), (0.1, 1)], [(0.0, 0), (0.5, 1)]]
        sums = np.sum([side[::-1] if s else side for side, s in zip(sides, swaps, strict=True)], axis=0)
        with np.errstate(invalid="ignore"):
            ratio = sums[:, 0] / sums[:, 1]
        expected.append(not abs(ratio[0] - ratio[1]) < abs(0.9 - 0.3) - 1e-9)
    assert paired.permutation_p_value(a, b, 100, np.random.default_rng(0)) == np.mean(expected)
    lone = make_sums([0.9, 0.0], [1, 0]), make_sums([0.0, 0.5], [0, 1])
    assert paired.permutation_p_value(*lone, 100, np.random.default_rng(0)) == 1


# --- a metric that ranks is permuted and left out by its weights


class Mean:
    """A mean over rows that pretends to be no function of sums."""

    def sampler(self, pairs, clusters, shared=None):
        assert not pairs["prompt_id"].duplicated().any()
        values = pairs["n_predicted"].to_numpy(float)

        def sample(weights):
            drawn = weights[:, clusters]
            return drawn @ values / drawn.sum(axis=1)

        return sample


def ranking(values, clusters):
    pairs = pd.DataFrame({"prompt_id": [str(k) for k in range(len(values))], "image_id": clusters})
    pairs["n_predicted"] = values
    holds = np.bincount(clusters, minlength=7) > 0
    return RankingStatistics(holds, int(holds.sum()), len(values), Mean(), pairs, np.asarray(clusters))


def test_a_ranking_metric_is_resampled_and_tested_like_a_sum():
    random = np.random.default_rng(9)
    codes = np.array([0, 0, 1, 2, 2, 2, 4, 5, 6])
    found = {}
    for name in ("first", "second"):
        values = random.normal(0.5, 0.2, len(codes))
        sums = np.bincount(codes, weights=values, minlength=7), np.bincount(codes, minlength=7)
        found[name] = ranking(values, codes), make_sums(*sums)
    (a, x), (b, y) = found["first"], found["second"]
    assert bootstrap.point_estimate(a) == pytest.approx(bootstrap.point_estimate(x), abs=1e-12)
    for one, other in zip(
        bootstrap.resample([a, b], 3, "set", 321), bootstrap.resample([x, y], 3, "set", 321), strict=True
    ):
        assert one == pytest.approx(other, abs=1e-12)
    assert paired.pseudo_values(a, b) == pytest.approx(paired.pseudo_values(x, y), abs=1e-9)
    p = [paired.permutation_p_value(*pair, 1000, np.random.default_rng(0)) for pair in ((a, b), (x, y))]
    assert p[0] == p[1]


def test_average_precision_of_both_sides_in_one_pool():
    masks, prompts, truth, images = random_shard(3, n_images=8)
    both = [match_shard(kept, prompts, truth, images, 0.5)[2] for kept in (masks, masks.iloc[::2])]
    first, second = (summarize_metric("map", pairs, assign_clusters(images)) for pairs in both)
    pool, ones = first.pooled_with(second), np.ones((1, 8))
    for swaps in np.random.default_rng(0).integers(0, 2, (6, 8)):
        moved = both[0]["image_id"].isin(images["image_id"][swaps.astype(bool)])
        swapped = [pd.concat([one[~moved], other[moved]]) for one, other in (both, both[::-1])]
        kept = ones - swaps
        for weights, pairs in zip(((kept, [swaps]), ([swaps], kept)), swapped, strict=True):
            assert pool(np.concatenate(weights, axis=1).astype(float))[0] == pytest.approx(evaluate("map", pairs))
    assert bootstrap.point_estimate(first) == pytest.approx(evaluate("map", both[0]))
    assert 0 < paired.permutation_p_value(first, second, 300, np.random.default_rng(1)) < 1
    without = [evaluate("map", pairs[pairs["image_id"] != 1]) for pairs in both]
    whole = bootstrap.point_estimate(first) - bootstrap.point_estimate(second)
    assert paired.pseudo_values(first, second)[0] == pytest.approx(8 * whole - 7 * (without[0] - without[1]))


# --- the t-test, the effect size and what could have been found


def test_where_clusters_weigh_the_same_it_is_the_textbooks_t_test():
    first, second = drawn(12, 40, 0.02)
    theirs = stats.ttest_rel(first, second)
    found = paired.t_test(paired.pseudo_values(make_sums(first), make_sums(second)), 0.95)
    difference = first - second
    assert found.p_value == pytest.approx(theirs.pvalue, abs=1e-9)
    assert found.effect_size == pytest.approx(difference.mean() / difference.std(ddof=1), abs=1e-9)
    # Several instances a cluster, as many in each: the same again.
    many = make_sums(first * 3, np.full(40, 3)), make_sums(second * 3, np.full(40, 3))
    assert paired.t_test(paired.pseudo_values(*many), 0.95).p_value == pytest.approx(theirs.pvalue, abs=1e-9)


def test_pseudo_values_of_a_ratio_are_those_of_leaving_each_out():
    random = np.random.default_rng(1)
    truth = random.integers(1, 9, 12).astype(float)
    first, second = random.uniform(0, truth), random.uniform(0, truth)

    def difference(kept):
        return first[kept].sum() / truth[kept].sum() - second[kept].sum() / truth[kept].sum()

    every = np.arange(12)
    expected = [12 * difference(every) - 11 * difference(np.delete(every, k)) for k in every]
    assert paired.pseudo_values(make_sums(first, truth), make_sums(second, truth)) == pytest.approx(expected, abs=1e-9)


def below(t, freedom, noncentral):
    """P(T ≤ t) from the definition: a normal over the root of an independent chi-square by its freedom."""

    def at(s):
        return special.ndtr(t * s - noncentral) * stats.chi.pdf(s * freedom**0.5, freedom) * freedom**0.5

    width = 10 / (2 * freedom) ** 0.5
    return integrate.quad(at, max(0, 1 - width), 1 + width, epsabs=1e-12, limit=500)[0]


@pytest.mark.parametrize("t", [-25.0, -0.7, 0.0, 2.1, 80.0])
@pytest.mark.parametrize("n", [3, 10, 331])
def test_the_interval_of_cohens_d_turns_the_noncentral_t_around(t, n):
    low, high = paired.noncentrality_interval(t, n - 1, 0.95)
    assert low < t < high
    assert below(t, n - 1, low) == pytest.approx(0.975, abs=1e-6)
    assert below(t, n - 1, high) == pytest.approx(0.025, abs=1e-6)


def test_the_interval_of_cohens_d_holds_the_truth():
    random = np.random.default_rng(6)
    tests = [paired.t_test(row, 0.95) for row in random.normal(0.5, 1, (400, 20))]
    held = np.mean([test.effect_low <= 0.5 <= test.effect_high for test in tests])
    assert 0.92 <= held <= 0.98


@pytest.mark.parametrize("n", [5, 30, 331])
def test_the_minimum_detectable_effect_is_found_four_times_of_five(n):
    random = np.random.default_rng(n)
    rows = paired.minimum_detectable_effect(n, 0.95) + random.normal(0, 1, (20_000, n))
    assert np.mean(stats.ttest_1samp(rows, 0, axis=1).pvalue < 0.05) == pytest.approx(paired.POWER, abs=0.012)


def test_the_minimum_detectable_difference_is_in_the_metrics_unit():
    first, second = drawn(1, 30)
    one = paired.t_test(first - second, 0.95).minimum_detectable
    assert paired.t_test(100 * (first - second), 0.95).minimum_detectable == pytest.approx(100 * one)
    assert one == pytest.approx(paired.minimum_detectable_effect(30, 0.95) * (first - second).std(ddof=1))


@pytest.mark.parametrize("values", [[], [0.3], [0.3, np.nan], [0.2, 0.2, 0.2], [0.1 + 1e-16, 0.1, 0.1]])
def test_no_spread_no_test(values):
    assert paired.t_test(np.array(values), 0.95) == paired.TTest()


# --- corrections


def rejected(p_values, level):
    """Holm's procedure as a sequence of tests: smallest first, each at level / (those left), until one fails."""
    found = set()
    for number, k in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[k] * (len(p_values) - number) > level:
            break
        found.add(int(k))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_holm_is_the_step_down_procedure(seed):
    random = np.random.default_rng(seed)
    p_values = (random.random(random.integers(1, 12)) ** 3).tolist()
    p_values += p_values[:2]
    found = paired.holm(p_values)
    # At the corrected p it is rejected, just below it no more.
    for k, corrected in enumerate(found):
        assert corrected == 1 or k in rejected(p_values, corrected * (1 + 1e-9))
        assert k not in rejected(p_values, corrected * (1 - 1e-9))
    assert all(
        p <= holm <= bonf + 1e-15 for p, holm, bonf in zip(p_values, found, paired.bonferroni(p_values), strict=True)
    )


def test_corrections_by_example():
    assert paired.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert paired.bonferroni([0.01, 0.3, 0.5]) == pytest.approx([0.03, 0.9, 1.0])
    assert paired.holm([]) == paired.bonferroni([]) == []


def test_holm_keeps_the_family_wise_error():
    random = np.random.default_rng(2)
    wrong = np.mean([min(paired.holm(row)) <= 0.05 for row in random.random((4000, 6))])
    assert wrong == pytest.approx(0.05, abs=0.012)
