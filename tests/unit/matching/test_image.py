"""The rows of one image: matched, missed and false masks, boxes without masks, and prompts without labels."""

from dataclasses import replace

import pytest

from samgap.matching.shard import match_shard
from samgap.metrics import load_metric
from tests.helpers.matching import outcomes, phrase_tables
from tests.helpers.scenes import square_mask
from tests.helpers.sums import evaluate

APPLE = square_mask(2, 2, 6)


def test_perfect_masks_score_one():
    _, instances, pairs = match_shard(*phrase_tables([(0.9, APPLE), (0.8, square_mask(2, 14, 6))]), 0.5)
    assert pairs["tp"].tolist() == [[2] * 10]
    for metric in ("iou", "dice", "boundary-f-2px", "precision", "recall", "f1-50", "concept-recall"):
        assert evaluate(metric, pairs) == 1
    assert evaluate("pmf1", pairs) == pytest.approx(1, abs=2e-4)
    assert outcomes(instances) == [(1, 0, "matched"), (2, 1, "matched")]


def replace_first_instance(truth, **changes):
    first, *remaining = truth.instances_of(1)
    return replace(truth, instances={1: [replace(first, **changes), *remaining]})


def test_an_instance_without_a_mask_is_matched_by_its_box():
    masks, prompts, truth, images = phrase_tables([(0.9, APPLE), (0.8, square_mask(14, 2, 6))])
    masks[["x0", "y0", "x1", "y1"]] = [[2.0, 2, 8, 8], [2.0, 14, 8, 20]]
    truth = replace_first_instance(truth, rle=None, box=(2, 2, 8, 9))
    _, instances, pairs = match_shard(masks, prompts, truth, images, 0.5)
    assert pairs["boxes_only"].tolist() == [True]
    assert pairs["tp"].iat[0] == [0] * 10 and pairs["box_tp"].iat[0] == [1] * 8 + [0] * 2  # 36 of 42
    assert evaluate("box-f1-50", pairs) == 2 * 1 / (2 + 2) and evaluate("box-iou", pairs) == pytest.approx(36 / 42 / 2)
    assert load_metric("iou").not_evaluable_reason(pairs) == "not evaluable: the ground truth has boxes only"
    assert instances["outcome"].tolist() == ["matched", "missed", "false"] and instances["iou"].isna().tolist()[0]


def test_an_absent_phrase_has_false_masks_and_an_unlabelled_phrase_is_not_evaluable():
    _, instances, pairs = match_shard(*phrase_tables([(0.9, square_mask(8, 24, 4))], []), 0.5)
    assert pairs[["evaluable", "n_truth", "n_predicted"]].to_numpy().tolist() == [[True, 0, 1]]
    assert outcomes(instances) == [(None, 0, "false")]
    _, instances, pairs = match_shard(*phrase_tables([(0.9, APPLE)], None), 0.5)
    assert pairs[["evaluable", "n_truth"]].to_numpy().tolist() == [[False, 0]]
    assert pairs["tp"].iat[0] == [0] * 10 and pairs["sum_iou"].tolist() == [0] and not len(instances)
