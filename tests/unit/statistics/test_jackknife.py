"""The jackknife against leaving out rows."""

import numpy as np
import pytest

from samgap.matching.shard import match_shard
from samgap.statistics import bootstrap, jackknife
from samgap.statistics.clusters import assign_clusters
from samgap.statistics.sums import summarize_metric
from tests.helpers.ranking import make_ranking
from tests.helpers.scenes import random_shard
from tests.helpers.sums import evaluate, make_sums


def test_pseudo_values_of_a_mean_are_its_values():
    assert jackknife.pseudo_values(make_sums([0.2, 0.9, 0.4])) == pytest.approx([0.2, 0.9, 0.4])


def test_pseudo_values_of_a_ratio_are_from_leaving_out_each_cluster():
    rng = np.random.default_rng(1)
    truth = rng.integers(1, 9, 12).astype(float)
    first, second = rng.uniform(0, truth), rng.uniform(0, truth)

    def difference(indices):
        return first[indices].sum() / truth[indices].sum() - second[indices].sum() / truth[indices].sum()

    indices = np.arange(12)
    expected = [12 * difference(indices) - 11 * difference(np.delete(indices, k)) for k in indices]
    assert jackknife.pseudo_values(make_sums(first, truth), make_sums(second, truth)) == pytest.approx(
        expected, abs=1e-9
    )


def test_ranked_metric_has_the_resamples_and_tests_of_the_same_sum():
    rng = np.random.default_rng(9)
    codes = np.array([0, 0, 1, 2, 2, 2, 4, 5, 6])
    forms = {}
    for name in ("first", "second"):
        values = rng.normal(0.5, 0.2, len(codes))
        sums = np.bincount(codes, weights=values, minlength=7), np.bincount(codes, minlength=7)
        forms[name] = make_ranking(values, codes), make_sums(*sums)
    (a, x), (b, y) = forms["first"], forms["second"]
    assert bootstrap.point_estimate(a) == pytest.approx(bootstrap.point_estimate(x), abs=1e-12)
    for ranked_values, sum_values in zip(
        bootstrap.resample([a, b], 3, "set", 321), bootstrap.resample([x, y], 3, "set", 321), strict=True
    ):
        assert ranked_values == pytest.approx(sum_values, abs=1e-12)
    # Those of a ranked metric are moved to the mean of the difference itself.
    expected = jackknife.pseudo_values(x, y)
    expected += bootstrap.point_estimate(x) - bootstrap.point_estimate(y) - expected.mean()
    assert jackknife.pseudo_values(a, b) == pytest.approx(expected, abs=1e-9)


def test_pseudo_values_of_average_precision_are_from_leaving_out_each_image():
    masks, prompts, truth, images = random_shard(3, n_images=8)
    tables = [match_shard(rows, prompts, truth, images, 0.5)[2] for rows in (masks, masks.iloc[::2])]
    first, second = (summarize_metric("map", pairs, assign_clusters(images)) for pairs in tables)
    difference = bootstrap.point_estimate(first) - bootstrap.point_estimate(second)
    expected = []
    for image_id in sorted(images["image_id"]):
        left_out_values = [evaluate("map", pairs[pairs["image_id"] != image_id]) for pairs in tables]
        expected.append(8 * difference - 7 * (left_out_values[0] - left_out_values[1]))
    # Their mean is the difference.
    expected = np.array(expected) - np.mean(expected) + difference
    assert jackknife.pseudo_values(first, second) == pytest.approx(expected)
    values = [evaluate("map", tables[0][tables[0]["image_id"] != image_id]) for image_id in sorted(images["image_id"])]
    value = evaluate("map", tables[0])
    assert jackknife.pseudo_values(first) == pytest.approx(value + 7 * (np.mean(values) - np.array(values)))
