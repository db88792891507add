"""Sums of metrics by cluster, rounded so that their order does not matter."""

import numpy as np
import pytest

from samgap.statistics.clusters import assign_clusters
from samgap.statistics.sums import round_for_exact_sums, summarize_metric
from tests.helpers.sums import evaluate, images_table, random_results


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_rounded_sums_do_not_depend_on_the_order(scale):
    rng = np.random.default_rng(3)
    table = rng.normal(0, scale, size=(997, 5)) * [1, 1e-3, 1e3, 7, 0]
    (rounded,) = round_for_exact_sums([table])
    assert np.abs(rounded - table).max() <= 1e-12 * np.abs(table).max()
    weights = rng.multinomial(997, np.full(997, 1 / 997), size=50).astype(float)
    sums = weights @ rounded
    for order in (np.arange(997)[::-1], rng.permutation(997)):
        assert np.array_equal(sums, weights[:, order] @ rounded[order])
        assert np.array_equal(sums, np.einsum("rn,nk->rk", weights[:, order], rounded[order]))
    assert not np.array_equal(weights @ table, np.einsum("rn,nk->rk", weights[:, order], table[order]))


def test_whole_numbers_are_not_rounded():
    counts = np.random.default_rng(0).integers(0, 10**6, size=(1000, 3)).astype(float)
    assert np.array_equal(round_for_exact_sums([counts])[0], counts)


def test_a_metric_is_summed_by_cluster():
    images = images_table(6)
    pairs = random_results(4, images)[0]
    clustering = assign_clusters(images)
    summary = summarize_metric("recall", pairs, clustering)
    assert summary.n_instances == pairs["n_truth"].sum() and summary.n_images == pairs["image_id"].nunique()
    n_truth = pairs.groupby("image_id")["n_truth"].sum().reindex(images["image_id"], fill_value=0)
    assert summary.cluster_sums[:, 1].tolist() == n_truth.tolist()
    totals = summary.cluster_sums.sum(axis=0, keepdims=True)
    assert summary.evaluate(totals) == pytest.approx(evaluate("recall", pairs))


def test_a_metric_that_is_not_evaluable_has_its_reason():
    images = images_table(3)
    pairs = random_results(4, images)[0].assign(evaluable=False)
    assert summarize_metric("recall", pairs, assign_clusters(images)).startswith("not evaluable: ")
