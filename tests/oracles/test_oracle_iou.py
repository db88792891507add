"""The best of all masks against decoded masks, and the chosen mask, which the others do not change."""

import numpy as np
import pandas as pd
import pytest

from samgap.matching.shard import match_shard
from samgap.metrics import METRIC_REGISTRY, load_metric
from samgap.metrics.oracle_iou import NO_SPATIAL, ONE_MASK
from samgap.statistics.strata import Cell
from tests.helpers.reference import iou
from tests.helpers.scenes import (
    images_table,
    jitter_mask,
    make_ground_truth,
    masks_table,
    prompts_table,
    random_ellipse,
    square_mask,
)
from tests.helpers.sums import evaluate

ORACLE = ("oracle-iou", "oracle-iou-gap")
SHAPE = (24, 30)


def make_shard(seed=5, n_images=6):
    """Return masks, prompts, truth and images of points with three masks of falling score, and the decoded masks."""
    rng = np.random.default_rng(seed)
    instances, prompts, rows, decoded = {}, [], [], []
    for image_id in range(1, n_images + 1):
        items = [(10 * image_id + number, random_ellipse(rng, SHAPE), False) for number in range(3)]
        instances[image_id] = items
        for instance_id, truth, _ in items:
            prompt_id = f"p{instance_id}"
            prompts.append((prompt_id, image_id, "point", None, [instance_id]))
            masks = [jitter_mask(rng, truth), jitter_mask(rng, truth), random_ellipse(rng, SHAPE)]
            decoded.append((truth, masks))
            scores = sorted(rng.random(3), reverse=True)
            rows += [(prompt_id, number, image_id, scores[number], mask) for number, mask in enumerate(masks)]
    return masks_table(rows), prompts_table(prompts), make_ground_truth(instances), images_table(instances), decoded


MASKS, PROMPTS, TRUTH, IMAGES, DECODED = make_shard()


def match(masks):
    _, instances, pairs = match_shard(masks, PROMPTS, TRUTH, IMAGES, 0.5)
    return Cell(pairs, instances)


ALL_MASKS = match(MASKS)
CHOSEN = match(MASKS[MASKS["prediction_id"] == 0])


def test_the_oracle_is_the_best_of_the_decoded_masks():
    best = np.mean([max(iou(mask, truth) for mask in masks) for truth, masks in DECODED])
    chosen = np.mean([iou(masks[0], truth) for truth, masks in DECODED])
    assert evaluate("oracle-iou", ALL_MASKS.pairs) == pytest.approx(best)
    assert evaluate("oracle-iou-gap", ALL_MASKS.pairs) == pytest.approx(best - chosen)
    assert 0 < best - chosen < 1


@pytest.mark.parametrize("metric", [name for name in METRIC_REGISTRY if name not in ORACLE])
def test_all_other_metrics_are_of_the_chosen_mask(metric):
    reason = load_metric(metric).not_evaluable_reason
    assert reason(ALL_MASKS.pairs) == reason(CHOSEN.pairs)
    assert evaluate(metric, ALL_MASKS.pairs) == pytest.approx(evaluate(metric, CHOSEN.pairs), nan_ok=True)


def test_strata_of_instances_have_the_oracle_of_these_instances():
    strata = dict(ALL_MASKS.iter_strata(load_metric("oracle-iou")))
    assert strata["area: small"]["n_truth"].sum() == 18
    for metric in ORACLE:
        assert evaluate(metric, strata["area: small"]) == pytest.approx(evaluate(metric, strata["all"]))


def test_without_further_masks_or_spatial_prompts_there_is_no_oracle():
    assert load_metric("oracle-iou").not_evaluable_reason(CHOSEN.pairs) == ONE_MASK
    phrases = ALL_MASKS.pairs.assign(kind="phrase", phrase="apple")
    assert load_metric("oracle-iou").not_evaluable_reason(phrases) == NO_SPATIAL
    clicks = ALL_MASKS.pairs.assign(kind="clicks")
    assert load_metric("oracle-iou").not_evaluable_reason(clicks) == NO_SPATIAL


def test_an_empty_mask_that_is_chosen_is_no_prediction():
    truth, empty = square_mask(2, 2, 6), np.zeros(SHAPE, bool)
    prompts = prompts_table([("p", 1, "point", None, [1])])
    tables = {}
    for name, masks in (("all", [empty, truth]), ("chosen", [])):
        rows = masks_table([("p", number, 1, 0.9 - number / 10, mask) for number, mask in enumerate(masks)])
        truth_table, images = make_ground_truth({1: [(1, truth, False)]}), images_table([1])
        tables[name] = match_shard(rows, prompts, truth_table, images, 0.5)[2]
    for metric in ("iou", "precision", "recall", "f1-50", "box-recall"):
        values = [evaluate(metric, table) for table in tables.values()]
        assert values[0] == pytest.approx(values[1], nan_ok=True)
    assert evaluate("oracle-iou", tables["all"]) == evaluate("oracle-iou-gap", tables["all"]) == 1
    assert pd.isna(evaluate("precision", tables["all"]))
