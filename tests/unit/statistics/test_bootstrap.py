"""Bootstrap intervals against repeated rows, SciPy and simulations."""

import itertools
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from samgap.statistics import bootstrap
from samgap.statistics.clusters import assign_clusters
from samgap.statistics.sums import SumStatistics, summarize_metric
from tests.helpers.sums import evaluate, images_table, make_sums, random_results


def interval(sums, n_resamples=500, seed=0, confidence=0.95):
    (values,) = bootstrap.resample([sums], seed, "set", n_resamples)
    return bootstrap.percentile_interval(values, sums.n_clusters, confidence)


@pytest.mark.parametrize("metric", ["iou", "precision", "pmf1", "il-mcc", "cgf1", "prompts-per-image"])
def test_resample_is_the_metric_of_repeated_rows(metric):
    images = images_table(9)
    pairs = random_results(4, images)[0].iloc[1:]  # so that images have different numbers of prompts
    summary = summarize_metric(metric, pairs, assign_clusters(images))
    (values,) = bootstrap.resample([summary], 5, "set", 40)
    rng = bootstrap.seeded_generator(5, "resamples", "set")
    expected = []
    for row in np.concatenate(list(bootstrap.draw_counts(9, 40, rng))):
        # Each copy of a drawn image gets a new image id.
        copies = [
            pairs[pairs["image_id"] == image].assign(image_id=1000 * image + copy)
            for image, times in zip(sorted(images["image_id"]), row, strict=True)
            for copy in range(int(times))
        ]
        expected.append(evaluate(metric, pd.concat(copies)))
    assert values == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert bootstrap.point_estimate(summary) == pytest.approx(evaluate(metric, pairs), abs=1e-12)


@pytest.mark.parametrize("images", [10, 40, 331])
def test_intervals_cover_the_true_value_with_the_nominal_confidence(images):
    # 1,000 data sets, as columns of one table. Their images have 1 to 9 instances, matched with a probability of 0.3 to
    # 0.9, so the true ratio is 0.6.
    rng = np.random.default_rng(11)
    truth = rng.integers(1, 10, size=(images, 1000)).astype(float)
    matched = rng.binomial(truth.astype(int), rng.uniform(0.3, 0.9, size=truth.shape)).astype(float)
    template = make_sums(np.zeros(images))
    widths = {"sum": 1000, "truth": 1000}
    sets = SumStatistics(
        template.has_data, images, 0, template.metric, np.concatenate([matched, truth], axis=1), widths
    )
    blocks = bootstrap.draw_counts(images, 2000, np.random.default_rng(3))
    values = np.concatenate([sets.evaluate(block @ sets.cluster_sums) for block in blocks])
    ends = np.array([bootstrap.percentile_interval(column, images, 0.95) for column in values.T])
    is_covered = (ends[:, 0] <= 0.6) & (ends[:, 1] >= 0.6)
    assert len(is_covered) == 1000 and 0.93 <= is_covered.mean() <= 0.97


@pytest.mark.parametrize("images", [8, 40])
def test_interval_is_scipys_at_the_expanded_level(images):
    rng = np.random.default_rng(7)
    truth = rng.integers(1, 9, images).astype(float)
    matched = rng.binomial(truth.astype(int), 0.6).astype(float)
    level = 1 - 2 * stats.norm.cdf(-stats.t.ppf(0.975, images - 1) * np.sqrt(images / (images - 1)))
    assert 0.95 < level < 0.99
    expected = stats.bootstrap(
        (matched, truth), lambda a, b, axis: a.sum(axis) / b.sum(axis), n_resamples=20_000, paired=True,
        method="percentile", confidence_level=level, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    # Both are Monte Carlo, so the ends differ by a small part of the width.
    width = expected.high - expected.low
    assert interval(make_sums(matched, truth), 20_000) == pytest.approx((expected.low, expected.high), abs=0.04 * width)


def test_interval_of_many_clusters_is_not_expanded():
    assert bootstrap.tail_probability(100_000, 0.95) == pytest.approx(0.025, abs=1e-5)
    assert bootstrap.tail_probability(10, 0.95) < 0.01


def test_cells_share_resamples_so_that_differences_are_paired():
    rng = np.random.default_rng(2)
    hard = rng.normal(0.5, 0.2, 50)  # both cells have the same difficulty of images
    first, second = make_sums(hard + 0.02 + rng.normal(0, 0.01, 50)), make_sums(hard)
    joint = bootstrap.resample([first, second], 1, "set", 2000)
    separate = [bootstrap.resample([sums], 1, "set", 2000)[0] for sums in (first, second)]
    for joint_values, values in zip(joint, separate, strict=True):
        assert np.array_equal(joint_values, values)
    low, high = bootstrap.percentile_interval(joint[0] - joint[1], 50, 0.95)
    assert 0 < low < 0.02 < high < 0.03
    unpaired = bootstrap.percentile_interval(joint[0], 50, 0.95)
    assert unpaired[1] - unpaired[0] > 5 * (high - low)
    other_set = bootstrap.resample([first], 1, "other set", 2000)[0]
    assert not np.array_equal(other_set, joint[0])


@pytest.mark.parametrize("block", [1, 70, 10_000])
def test_draws_are_multinomial_and_do_not_depend_on_the_block_size(monkeypatch, block):
    expected = np.concatenate(list(bootstrap.draw_counts(7, 3001, np.random.default_rng(1))))
    monkeypatch.setattr(bootstrap, "MAX_BLOCK_ELEMENTS", block)
    weights = np.concatenate(list(bootstrap.draw_counts(7, 3001, np.random.default_rng(1))))
    assert np.array_equal(expected, weights)
    assert weights.shape == (3001, 7) and (weights.sum(axis=1) == 7).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(7), abs=0.08)
    assert weights.var(axis=0) == pytest.approx(np.full(7, 6 / 7), abs=0.1)


def test_interval_of_equal_clusters_has_no_width():
    equal = make_sums(np.full(8, 0.7))
    low, high = interval(equal)
    assert low == high == bootstrap.point_estimate(equal) == pytest.approx(0.7, abs=1e-14)


def test_undefined_resamples_are_left_out():
    sums = make_sums([0.5, 0.5, 0], [1, 1, 0])
    (values,) = bootstrap.resample([sums], 0, "set", 500)
    assert np.isnan(values).sum() == pytest.approx(500 / 27, abs=12)  # one resample in 3³ has only the third image
    assert interval(sums) == (0.5, 0.5)
    assert bootstrap.percentile_interval(np.full(9, np.nan), 2, 0.95) == (None, None)


def test_images_without_data_are_resampled_too():
    # The number of images with data is uncertain too.
    sparse = make_sums(np.repeat([0.2, 0.8, 0.0], [3, 3, 30]), np.repeat([1, 1, 0], [3, 3, 30]))
    low, high = interval(sparse, 4000)
    dense = interval(make_sums(np.repeat([0.2, 0.8], 3)), 4000)
    assert low <= dense[0] + 1e-9 and high >= dense[1] - 1e-9


def test_generators_depend_on_names_and_seed_only():
    def first(*arguments):
        return bootstrap.seeded_generator(*arguments).integers(0, 1 << 60)

    assert first(1, "a", "b") == first(1, "a", "b")
    assert len({first(1, "a", "b"), first(1, "ab"), first(1, "b", "a"), first(2, "a", "b")}) == 4


def test_memory_is_bounded_for_many_images_and_many_metrics():
    many_images = [make_sums(np.ones(20_000)) for _ in range(3)]
    many_metrics = [make_sums(np.ones(10)) for _ in itertools.repeat(None, 300)]
    tracemalloc.start()
    bootstrap.resample(many_images, 1, "set", 600)
    bootstrap.resample(many_metrics, 1, "set", 10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 600 × 20,000 weights in one block would need three times 96 MB; the values of the second call are 24 MB.
    assert peak < 150e6
