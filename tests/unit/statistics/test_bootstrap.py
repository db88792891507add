import itertools
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from samgap.statistics import bootstrap
from samgap.statistics.clusters import assign_clusters
from samgap.statistics.sums import SumStatistics, round_for_exact_sums, summarize_metric
from tests.helpers.sums import evaluate, images_table, make_sums, random_results


def interval(one, resamples=500, seed=0, confidence=0.95):
    (values,) = bootstrap.resample([one], seed, "set", resamples)
    return bootstrap.percentile_interval(values, one.n_clusters, confidence)


@pytest.mark.parametrize("metric", ["iou", "precision", "pmf1", "il-mcc", "cgf1", "prompts-per-image"])
def test_it_equals_repeating_the_rows_of_the_drawn_images(metric):
    images = images_table(9)
    pairs = random_results(4, images)[0].iloc[1:]  # so that images differ in how much is asked
    one = summarize_metric(metric, pairs, assign_clusters(images))
    (values,) = bootstrap.resample([one], 5, "set", 40)
    random = bootstrap.seeded_generator(5, "resamples", "set")
    expected = []
    for row in np.concatenate(list(bootstrap.draw_counts(9, 40, random))):
        # As if each drawn image were another one: its rows once for each time, with an id of its own.
        copies = [
            pairs[pairs["image_id"] == image].assign(image_id=1000 * image + copy)
            for image, times in zip(sorted(images["image_id"]), row, strict=True)
            for copy in range(int(times))
        ]
        expected.append(evaluate(metric, pd.concat(copies)))
    assert values == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert bootstrap.point_estimate(one) == pytest.approx(evaluate(metric, pairs), abs=1e-12)


@pytest.mark.parametrize("images", [10, 40, 331])
def test_nineteen_of_twenty_intervals_hold_the_truth(images):
    # 1,000 data sets, whose images have 1 to 9 instances found with p = 0.3 to 0.9: the ratio's mean is 0.6.
    # They are columns of one table, so that all are resampled at once.
    random = np.random.default_rng(11)
    truth = random.integers(1, 10, size=(images, 1000)).astype(float)
    found = random.binomial(truth.astype(int), random.uniform(0.3, 0.9, size=truth.shape)).astype(float)
    one = make_sums(np.zeros(images))
    columns = {"sum": 1000, "truth": 1000}
    sets = SumStatistics(one.has_data, images, 0, one.metric, np.concatenate([found, truth], axis=1), columns)
    blocks = bootstrap.draw_counts(images, 2000, np.random.default_rng(3))
    values = np.concatenate([sets.evaluate(block @ sets.cluster_sums) for block in blocks])
    ends = np.array([bootstrap.percentile_interval(column, images, 0.95) for column in values.T])
    held = (ends[:, 0] <= 0.6) & (ends[:, 1] >= 0.6)
    assert len(held) == 1000 and 0.93 <= held.mean() <= 0.97


@pytest.mark.parametrize("images", [8, 40])
def test_the_interval_is_scipys_at_the_expanded_level(images):
    random = np.random.default_rng(7)
    truth = random.integers(1, 9, images).astype(float)
    found = random.binomial(truth.astype(int), 0.6).astype(float)
    level = 1 - 2 * stats.norm.cdf(-stats.t.ppf(0.975, images - 1) * np.sqrt(images / (images - 1)))
    assert 0.95 < level < 0.99
    theirs = stats.bootstrap(
        (found, truth), lambda a, b, axis: a.sum(axis) / b.sum(axis), n_resamples=20_000, paired=True,
        method="percentile", confidence_level=level, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    # Both are Monte Carlo; their ends differ by far less than the interval is wide.
    wide = theirs.high - theirs.low
    assert interval(make_sums(found, truth), 20_000) == pytest.approx((theirs.low, theirs.high), abs=0.04 * wide)


def test_many_clusters_need_no_expansion():
    assert bootstrap.tail_probability(100_000, 0.95) == pytest.approx(0.025, abs=1e-5)
    assert bootstrap.tail_probability(10, 0.95) < 0.01


def test_cells_share_the_draws_so_that_differences_are_paired():
    random = np.random.default_rng(2)
    hard = random.normal(0.5, 0.2, 50)  # what makes images hard is common to both
    first, second = make_sums(hard + 0.02 + random.normal(0, 0.01, 50)), make_sums(hard)
    together = bootstrap.resample([first, second], 1, "set", 2000)
    apart = [bootstrap.resample([one], 1, "set", 2000)[0] for one in (first, second)]
    for one, other in zip(together, apart, strict=True):
        assert np.array_equal(one, other)
    low, high = bootstrap.percentile_interval(together[0] - together[1], 50, 0.95)
    assert 0 < low < 0.02 < high < 0.03
    alone = bootstrap.percentile_interval(together[0], 50, 0.95)
    assert alone[1] - alone[0] > 5 * (high - low)
    elsewhere = bootstrap.resample([first], 1, "other set", 2000)[0]
    assert not np.array_equal(elsewhere, together[0])


@pytest.mark.parametrize("block", [1, 70, 10_000])
def test_draws_are_multinomial_counts_and_the_same_in_blocks_of_any_length(monkeypatch, block):
    whole = np.concatenate(list(bootstrap.draw_counts(7, 3001, np.random.default_rng(1))))
    monkeypatch.setattr(bootstrap, "MAX_BLOCK_ELEMENTS", block)
    weights = np.concatenate(list(bootstrap.draw_counts(7, 3001, np.random.default_rng(1))))
    assert np.array_equal(whole, weights)
    assert weights.shape == (3001, 7) and (weights.sum(axis=1) == 7).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(7), abs=0.08)
    assert weights.var(axis=0) == pytest.approx(np.full(7, 6 / 7), abs=0.1)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_sums_are_the_same_in_any_order(scale):
    random = np.random.default_rng(3)
    table = random.normal(0, scale, size=(997, 5)) * [1, 1e-3, 1e3, 7, 0]
    (rounded,) = round_for_exact_sums([table])
    assert np.abs(rounded - table).max() <= 1e-12 * np.abs(table).max()
    weights = random.multinomial(997, np.full(997, 1 / 997), size=50).astype(float)
    one = weights @ rounded
    for order in (np.arange(997)[::-1], random.permutation(997)):
        assert np.array_equal(one, weights[:, order] @ rounded[order])
        assert np.array_equal(one, np.einsum("rn,nk->rk", weights[:, order], rounded[order]))
    assert not np.array_equal(weights @ table, np.einsum("rn,nk->rk", weights[:, order], table[order]))


def test_whole_numbers_are_kept():
    counts = np.random.default_rng(0).integers(0, 10**6, size=(1000, 3)).astype(float)
    assert np.array_equal(round_for_exact_sums([counts])[0], counts)


def test_images_that_agree_have_no_width():
    agreed = make_sums(np.full(8, 0.7))
    low, high = interval(agreed)
    assert low == high == bootstrap.point_estimate(agreed) == pytest.approx(0.7, abs=1e-14)


def test_undefined_resamples_are_left_out():
    one = make_sums([0.5, 0.5, 0], [1, 1, 0])
    (values,) = bootstrap.resample([one], 0, "set", 500)
    assert np.isnan(values).sum() == pytest.approx(500 / 27, abs=12)  # one in 3^3 has the third image alone
    assert interval(one) == (0.5, 0.5)
    assert bootstrap.percentile_interval(np.full(9, np.nan), 2, 0.95) == (None, None)


def test_images_without_anything_to_count_are_drawn_too():
    # The sample is of images; how many of them hold a thing is part of what is uncertain.
    few = make_sums(np.repeat([0.2, 0.8, 0.0], [3, 3, 30]), np.repeat([1, 1, 0], [3, 3, 30]))
    low, high = interval(few, 4000)
    dense = interval(make_sums(np.repeat([0.2, 0.8], 3)), 4000)
    assert low <= dense[0] + 1e-9 and high >= dense[1] - 1e-9


def test_generators_differ_by_name_and_seed_and_are_the_same_again():
    def first(*arguments):
        return bootstrap.seeded_generator(*arguments).integers(0, 1 << 60)

    assert first(1, "a", "b") == first(1, "a", "b")
    assert len({first(1, "a", "b"), first(1, "ab"), first(1, "b", "a"), first(2, "a", "b")}) == 4


def test_many_images_and_many_metrics_need_little_memory():
    parts = [make_sums(np.ones(20_000)) for _ in range(3)]
    wide = [make_sums(np.ones(10)) for _ in itertools.repeat(None, 300)]
    tracemalloc.start()
    bootstrap.resample(parts, 1, "set", 600)
    bootstrap.resample(wide, 1, "set", 10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 600 × 20,000 weights at once would be 96 MB, three times over; the values alone of the second are 24 MB.
    assert peak < 150e6
