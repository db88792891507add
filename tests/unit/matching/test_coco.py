import numpy as np
import pytest

from samgap.matching import coco
from samgap.matching.shard import match_shard
from samgap.statistics import bootstrap
from samgap.statistics.clusters import assign_clusters
from samgap.statistics.sums import summarize_metric
from samgap.tables.matching import IOU_THRESHOLDS
from tests.helpers.scenes import random_tagged_shard


def straightforward(order, weights, positives, tau):
    """One vector of weights as COCO's `accumulate` has it, with each prediction repeated as often as it weighs."""
    if not positives:
        return np.nan
    kept = order.hit_bits >> tau + len(IOU_THRESHOLDS) & 1 == 0
    right = (order.hit_bits[kept] >> tau & 1).astype(bool)
    times = weights[order.clusters[kept]]
    true, seen = np.cumsum(times * right), np.cumsum(times)
    precision = true / (seen + np.spacing(1))
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    found = np.zeros(101)
    for place, at in enumerate(np.searchsorted(true / positives, coco.RECALL_THRESHOLDS, side="left")):
        found[place] = precision[at] if at < len(precision) else 0
    return found.mean()


def ranked(random, images=9, outs=True, missed=4):
    """Predictions of images, some of which hold none, with ties; bits may be set for any stretch of thresholds."""
    scores, found = [], []
    for _ in range(images):
        count = int(random.integers(0, 12)) * int(random.random() < 0.8)
        scores.append(np.sort(random.random(count).round(1))[::-1])
        rows = []
        for _ in range(count):
            first, last = np.sort(random.integers(0, len(IOU_THRESHOLDS) + 1, 2))
            bits = sum(1 << tau for tau in range(first, last))
            aside = sum(
                1 << len(IOU_THRESHOLDS) + tau for tau in range(len(IOU_THRESHOLDS)) if outs and random.random() < 0.2
            )
            rows.append(bits & ~(aside >> len(IOU_THRESHOLDS)) | aside)
        found.append(np.array(rows, np.int64))
    order = coco.RankedDetections(scores, found, np.arange(images), 1000)
    # As many instances as are found at the threshold that finds most, and a few more.
    right = [max(int((rows >> tau & 1).sum()) for tau in range(len(IOU_THRESHOLDS))) for rows in found]
    return order, np.array(right, float) + random.integers(0, missed, images)


@pytest.mark.parametrize("outs", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_many_weights_one_weight_and_the_definition_agree(seed, outs):
    random = np.random.default_rng(seed)
    order, truth = ranked(random, outs=outs, missed=random.choice([1, 4, 60]))
    weights = np.concatenate([np.ones((1, 9)), np.zeros((1, 9)), random.integers(0, 4, (200, 9))]).astype(float)
    positives = weights @ truth
    many = order.average_precision(weights, positives, range(len(IOU_THRESHOLDS)))
    rows = [slice(place, place + 1) for place in range(len(weights))]
    one = [order.average_precision(weights[row], positives[row], range(len(IOU_THRESHOLDS))) for row in rows]
    assert np.array_equal(many, np.concatenate(one, axis=1), equal_nan=True)
    for tau in range(len(IOU_THRESHOLDS)):
        expected = [straightforward(order, *row, tau) for row in zip(weights, positives, strict=True)]
        assert many[tau] == pytest.approx(expected, abs=1e-15, nan_ok=True)
    assert np.array_equal(order.average_precision(weights, positives, [3]), many[3:4], equal_nan=True)
    assert np.isnan(many[:, 1]).all() and 0 < np.nanmax(many) <= 1


def test_weights_in_blocks_are_the_same(monkeypatch):
    random = np.random.default_rng(1)
    order, truth = ranked(random)
    weights = random.integers(0, 4, (100, 9)).astype(float)
    whole = order.average_precision(weights, weights @ truth, [0, 5])
    monkeypatch.setattr(coco, "WEIGHTS_PER_BLOCK", 33)
    assert np.array_equal(order.average_precision(weights, weights @ truth, [0, 5]), whole, equal_nan=True)


def test_no_prediction_at_all():
    order = coco.RankedDetections([np.zeros(0)] * 2, [np.zeros(0, np.int64)] * 2, np.arange(2), 1000)
    for count in (1, 50):
        found = order.average_precision(np.ones((count, 2)), np.repeat([0.0, 3.0], [1, count - 1]), [0])
        assert np.isnan(found[0, 0]) and (found[0, 1:] == 0).all()


def test_metrics_and_strata_that_share_give_what_they_give_alone(monkeypatch):
    masks, prompts, truth, images = random_tagged_shard(2, n_images=14)
    cells = [match_shard(kept, prompts, truth, images, 0.5)[2] for kept in (masks, masks.iloc[::2])]
    groups = assign_clusters(images)
    parts = []
    for pairs in cells:
        strata = [pairs, *(rows for _, rows in pairs.groupby("phrase")), pairs[pairs["image_id"] % 2 == 0]]
        parts += [
            summarize_metric(metric, rows, groups)
            for metric in ("map-50", "map", "box-map", "map-coco")
            for rows in strata
        ]
    parts = [part for part in parts if not isinstance(part, str)]
    together = bootstrap.resample(parts, 1, "set", 60)
    alone = [bootstrap.resample([part], 1, "set", 60)[0] for part in parts]
    assert len(parts) > 40
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one, other, equal_nan=True)
    ranked_rows = []
    plain = coco.RankedDetections.average_precision
    monkeypatch.setattr(
        coco.RankedDetections, "average_precision", lambda *given: ranked_rows.append(len(given[3])) or plain(*given)
    )
    pairs = cells[0]
    asked = [summarize_metric("map", pairs, groups), summarize_metric("map-75", pairs, groups)]
    asked += [summarize_metric("map", rows, groups) for _, rows in pairs.groupby("phrase")]
    bootstrap.resample([part for part in asked if not isinstance(part, str)], 1, "set", 60)
    assert ranked_rows == [len(IOU_THRESHOLDS)] * pairs.loc[pairs["kind"] == "phrase", "phrase"].nunique()
