"""Average precision for many vectors of weights at once, against a straightforward version."""

import numpy as np
import pytest

from samgap.matching import coco
from samgap.matching.shard import match_shard
from samgap.statistics import bootstrap
from samgap.statistics.clusters import assign_clusters
from samgap.statistics.sums import summarize_metric
from samgap.tables.matching import IOU_THRESHOLDS
from tests.helpers.scenes import random_tagged_shard

N_TAUS = len(IOU_THRESHOLDS)


def straightforward_average_precision(ranked, weights, n_positives, tau):
    """Compute COCO's `accumulate` for one vector of weights, each prediction repeated as often as its weight."""
    if not n_positives:
        return np.nan
    counted = ranked.hit_bits >> tau + N_TAUS & 1 == 0
    is_true = (ranked.hit_bits[counted] >> tau & 1).astype(bool)
    repeats = weights[ranked.clusters[counted]]
    true_positives, n_predictions = np.cumsum(repeats * is_true), np.cumsum(repeats)
    precision = true_positives / (n_predictions + np.spacing(1))
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    points = np.zeros(101)
    ranks = np.searchsorted(true_positives / n_positives, coco.RECALL_THRESHOLDS, side="left")
    for index, rank in enumerate(ranks):
        points[index] = precision[rank] if rank < len(precision) else 0
    return points.mean()


def random_detections(rng, n_images=9, with_left_out=True, max_missed=4):
    """Return ranked detections with ties and empty images, and the number of instances of each image.

    The bits of a prediction may be set for any range of thresholds.
    """
    scores, hit_bits = [], []
    for _ in range(n_images):
        count = int(rng.integers(0, 12)) * int(rng.random() < 0.8)
        scores.append(np.sort(rng.random(count).round(1))[::-1])
        rows = []
        for _ in range(count):
            first, last = np.sort(rng.integers(0, N_TAUS + 1, 2))
            true_bits = sum(1 << tau for tau in range(first, last))
            left_out = sum(1 << N_TAUS + tau for tau in range(N_TAUS) if with_left_out and rng.random() < 0.2)
            rows.append(true_bits & ~(left_out >> N_TAUS) | left_out)
        hit_bits.append(np.array(rows, np.int64))
    ranked = coco.RankedDetections(scores, hit_bits, np.arange(n_images), 1000)
    # At least as many instances as there are true positives at any threshold.
    n_true = [max(int((rows >> tau & 1).sum()) for tau in range(N_TAUS)) for rows in hit_bits]
    return ranked, np.array(n_true, float) + rng.integers(0, max_missed, n_images)


@pytest.mark.parametrize("with_left_out", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_many_weights_equal_single_weights_and_the_definition(seed, with_left_out):
    rng = np.random.default_rng(seed)
    ranked, n_instances = random_detections(rng, with_left_out=with_left_out, max_missed=rng.choice([1, 4, 60]))
    weights = np.concatenate([np.ones((1, 9)), np.zeros((1, 9)), rng.integers(0, 4, (200, 9))]).astype(float)
    n_positives = weights @ n_instances
    vectorized = ranked.average_precision(weights, n_positives, range(N_TAUS))
    rows = [slice(index, index + 1) for index in range(len(weights))]
    single = [ranked.average_precision(weights[row], n_positives[row], range(N_TAUS)) for row in rows]
    assert np.array_equal(vectorized, np.concatenate(single, axis=1), equal_nan=True)
    for tau in range(N_TAUS):
        pairs = zip(weights, n_positives, strict=True)
        expected = [straightforward_average_precision(ranked, *pair, tau) for pair in pairs]
        assert vectorized[tau] == pytest.approx(expected, abs=1e-15, nan_ok=True)
    one_threshold = ranked.average_precision(weights, n_positives, [3])
    assert np.array_equal(one_threshold, vectorized[3:4], equal_nan=True)
    assert np.isnan(vectorized[:, 1]).all() and 0 < np.nanmax(vectorized) <= 1


def test_blocks_of_weights_change_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    ranked, n_instances = random_detections(rng)
    weights = rng.integers(0, 4, (100, 9)).astype(float)
    at_once = ranked.average_precision(weights, weights @ n_instances, [0, 5])
    monkeypatch.setattr(coco, "WEIGHTS_PER_BLOCK", 33)
    in_blocks = ranked.average_precision(weights, weights @ n_instances, [0, 5])
    assert np.array_equal(in_blocks, at_once, equal_nan=True)


@pytest.mark.parametrize("n_weights", [1, 50])
def test_without_predictions_the_average_precision_is_zero(n_weights):
    ranked = coco.RankedDetections([np.zeros(0)] * 2, [np.zeros(0, np.int64)] * 2, np.arange(2), 1000)
    n_positives = np.repeat([0.0, 3.0], [1, n_weights - 1])
    values = ranked.average_precision(np.ones((n_weights, 2)), n_positives, [0])
    assert np.isnan(values[0, 0]) and (values[0, 1:] == 0).all()


def test_metrics_resampled_together_equal_metrics_resampled_alone():
    masks, prompts, truth, images = random_tagged_shard(2, n_images=14)
    cells = [match_shard(rows, prompts, truth, images, 0.5)[2] for rows in (masks, masks.iloc[::2])]
    clusters = assign_clusters(images)
    summaries = []
    for pairs in cells:
        strata = [pairs, *(rows for _, rows in pairs.groupby("phrase")), pairs[pairs["image_id"] % 2 == 0]]
        for metric in ("map-50", "map", "box-map", "map-coco"):
            summaries += [summarize_metric(metric, rows, clusters) for rows in strata]
    summaries = [summary for summary in summaries if not isinstance(summary, str)]
    assert len(summaries) > 40
    together = bootstrap.resample(summaries, 1, "set", 60)
    alone = [bootstrap.resample([summary], 1, "set", 60)[0] for summary in summaries]
    for first, second in zip(together, alone, strict=True):
        assert np.array_equal(first, second, equal_nan=True)


def test_metrics_of_the_same_predictions_share_one_sweep(monkeypatch):
    masks, prompts, truth, images = random_tagged_shard(2, n_images=14)
    pairs, clusters = match_shard(masks, prompts, truth, images, 0.5)[2], assign_clusters(images)
    n_thresholds = []
    average_precision = coco.RankedDetections.average_precision

    def count_calls(ranked, weights, n_positives, tau_indices):
        n_thresholds.append(len(tau_indices))
        return average_precision(ranked, weights, n_positives, tau_indices)

    monkeypatch.setattr(coco.RankedDetections, "average_precision", count_calls)
    summaries = [summarize_metric("map", pairs, clusters), summarize_metric("map-75", pairs, clusters)]
    summaries += [summarize_metric("map", rows, clusters) for _, rows in pairs.groupby("phrase")]
    bootstrap.resample([summary for summary in summaries if not isinstance(summary, str)], 1, "set", 60)
    assert n_thresholds == [N_TAUS] * pairs.loc[pairs["kind"] == "phrase", "phrase"].nunique()
