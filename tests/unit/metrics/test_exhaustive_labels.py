"""Which metrics need exhaustive labels: those that a right detection of an object without a label changes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from samgap.matching.shard import match_shard
from samgap.metrics import METRIC_REGISTRY, load_metric
from tests.helpers.matching import phrase_tables
from tests.helpers.scenes import constant_flow, random_sequences, random_tagged_shard, square_mask
from tests.helpers.sums import evaluate
from tests.helpers.unlabelled import detect_unlabelled, widen_images

COMPARES_PREDICTIONS_ALONE = {"upstream-temporal-consistency", "warped-consistency", "prompt-sensitivity-agreement"}
"""Metrics of two predictions, without labels: more predictions change them, and none of them is wrong."""
OF_UNLABELLED_THINGS = {"leakage"}
"""Its predictions are those of leaves; see the test below."""
NEAR_LABELS = ["precision-near-labels", "f1-50-near-labels"]


def match_both(tables, *flow):
    """Return table `pairs` without and with right detections of unlabelled objects for all phrases."""
    masks, prompts, truth, images = widen_images(*tables)
    more_masks = detect_unlabelled(masks, prompts, truth)
    return [match_shard(rows, prompts, truth, images, 0.5, *flow, chosen_score=0.4)[2] for rows in (masks, more_masks)]


@pytest.fixture(scope="module")
def both_tables():
    shards = [match_both(random_tagged_shard(seed, n_images=4, several_masks=True)) for seed in range(2)]
    return [*shards, match_both(random_sequences(0, shape=(300, 380)), constant_flow)]


@pytest.mark.parametrize("metric_id", METRIC_REGISTRY)
def test_a_metric_needs_exhaustive_labels_if_unlabelled_objects_change_it(metric_id, both_tables):
    values = np.array([[evaluate(metric_id, pairs) for pairs in tables] for tables in both_tables])
    assert np.isfinite(values).all(axis=1).any()
    changes = not np.allclose(values[:, 0], values[:, 1], rtol=0, atol=1e-12, equal_nan=True)
    if metric_id in COMPARES_PREDICTIONS_ALONE:
        assert changes and not load_metric(metric_id).needs_exhaustive_labels
    elif metric_id not in OF_UNLABELLED_THINGS:
        assert changes == load_metric(metric_id).needs_exhaustive_labels


def test_leakage_onto_an_apple_without_a_label_is_not_seen():
    masks, prompts, truth, images = random_tagged_shard(0, n_images=4)
    value = evaluate("leakage", match_shard(masks, prompts, truth, images, 0.5)[2])
    unlabelled = replace(truth, instances={})
    prompts = prompts.assign(truth_ids=None)
    assert evaluate("leakage", match_shard(masks, prompts, unlabelled, images, 0.5)[2]) == 0 < value
    assert load_metric("leakage").needs_exhaustive_labels


@pytest.mark.parametrize("metric_id", NEAR_LABELS)
def test_metrics_near_labels_state_the_number_of_predictions_left_out(metric_id, both_tables):
    metric = load_metric(metric_id)
    for before, after in both_tables:
        n_before, n_after = (metric.left_out(pairs[metric.row_mask(pairs)]).sum() for pairs in (before, after))
        assert n_after == n_before + 3 * (after["kind"] == "phrase").sum()
        assert evaluate(metric_id, after) == evaluate(metric_id, before)
        without = evaluate(metric_id.removesuffix("-near-labels"), after)
        assert without < evaluate(metric_id, after)


@pytest.mark.parametrize("metric_id", NEAR_LABELS)
def test_metrics_near_labels_equal_the_usual_ones_for_spatial_prompts(metric_id, both_tables):
    for _, pairs in both_tables:
        spatial = pairs[pairs["kind"].isin(["clicks", "track", "box"])]
        assert (spatial["n_far"] == 0).all()
        assert evaluate(metric_id, spatial) == evaluate(metric_id.removesuffix("-near-labels"), spatial)


def test_only_metrics_near_labels_leave_out_predictions():
    near_labels = [*NEAR_LABELS, *(f"{metric}-chosen" for metric in NEAR_LABELS)]
    assert [metric for metric in METRIC_REGISTRY if load_metric(metric).left_out] == sorted(near_labels)


def test_values_near_labels_by_hand():
    """Two apples; a match, a mask near an apple, one at the limit and one beyond it: TP 1 of 3 near, 1 of 4 in all."""
    # The image is 24 px high, so that the default distance is 2.4 px. Apple 1 covers columns 2 to 7, apple 2 14 to 19.
    predictions = [
        (0.9, square_mask(2, 2, 6)),
        (0.8, square_mask(9, 2, 2)),  # 2 px below apple 1
        (0.7, square_mask(2, 21, 2)),  # 2 px to the right of apple 2
        (0.6, square_mask(2, 22, 2)),  # 3 px
    ]
    pairs = match_shard(*phrase_tables(predictions), 0.5)[2]
    assert pairs[["n_predicted", "n_far"]].to_numpy().tolist() == [[4, 1]]
    values = {metric: evaluate(metric, pairs) for metric in ("precision", "f1-50", *NEAR_LABELS)}
    assert values == {
        "precision": 1 / 4,
        "f1-50": 2 / 6,
        "precision-near-labels": pytest.approx(1 / 3),
        "f1-50-near-labels": 2 / 5,
    }


def test_precision_near_labels_is_undefined_if_all_predictions_are_far():
    pairs = match_shard(*phrase_tables([(0.9, square_mask(20, 26, 4))], []), 0.5)[2]
    assert pd.isna(evaluate("precision-near-labels", pairs)) and evaluate("precision", pairs) == 0
