"""Which predictions count, which instance each is assigned to, and which pairs are matches."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samgap.matching.assignment import MATCH_THRESHOLD
from samgap.matching.shard import match_shard
from tests.helpers.matching import make_tables, outcomes, phrase_tables
from tests.helpers.scenes import images_table, make_ground_truth, masks_table, prompts_table, random_shard, square_mask
from tests.helpers.sums import evaluate

APPLE = square_mask(2, 2, 6)


@pytest.mark.parametrize(("n_rows", "outcome"), [(3, "matched"), (2, "missed")])
def test_an_iou_at_the_threshold_is_a_match(n_rows, outcome):
    part = APPLE & (np.arange(24)[:, None] < 2 + n_rows)  # n_rows of the apple's 6 rows
    _, instances, _ = match_shard(*phrase_tables([(0.9, part)], [1]), 0.5)
    assert instances["outcome"].iat[0] == outcome
    assert (instances["iou"].iat[0] >= MATCH_THRESHOLD) == (outcome == "matched")


def test_each_of_two_nested_masks_is_matched_to_its_instance():
    nested = {1: [(1, square_mask(2, 2, 12), False), (2, square_mask(5, 5, 4), False)]}
    predictions = [(0.9, square_mask(5, 5, 4)), (0.8, square_mask(2, 2, 12))]
    _, instances, pairs = match_shard(*phrase_tables(predictions, instances=nested), 0.5)
    assert outcomes(instances) == [(1, 1, "matched"), (2, 0, "matched")] and pairs["sum_iou"].tolist() == [2]
    _, instances, pairs = match_shard(*phrase_tables([(0.9, square_mask(2, 2, 12))], instances=nested), 0.5)
    assert outcomes(instances) == [(1, 0, "matched"), (2, None, "missed")] and pairs["covered"].tolist() == [1]


def test_the_total_iou_is_maximized_not_the_best_single_iou():
    # The first prediction has its best IoU with instance 1, but only it overlaps instance 2.
    two_squares = APPLE | square_mask(2, 14, 6)
    _, instances, pairs = match_shard(*phrase_tables([(0.9, two_squares), (0.8, square_mask(3, 2, 6))]), 0.5)
    assert outcomes(instances)[:2] == [(1, 1, "matched"), (2, 0, "matched")]
    assert pairs["n_predicted"].tolist() == [2]


def test_a_prediction_below_the_threshold_is_false_but_its_instance_keeps_the_iou():
    _, instances, pairs = match_shard(*phrase_tables([(0.9, square_mask(5, 5, 6))]), 0.5)
    assert outcomes(instances) == [(1, 0, "missed"), (2, None, "missed"), (None, 0, "false")]
    assert pairs["sum_iou"].iat[0] == pytest.approx(9 / 63)
    assert instances["iou"].iat[1] == 0 and np.isnan(instances["iou"].iat[2])


def test_touching_masks_without_common_pixels_are_not_assigned():
    _, instances, pairs = match_shard(*phrase_tables([(0.9, square_mask(2, 8, 6))]), 0.5)
    assert outcomes(instances) == [(1, None, "missed"), (2, None, "missed"), (None, 0, "false")]
    assert pairs["sum_boundary_f_2px"].tolist() == [0]


def test_predictions_below_the_score_threshold_are_only_in_the_overlaps():
    overlaps, _, pairs = match_shard(*phrase_tables([(0.5, APPLE), (0.49, square_mask(2, 14, 6))]), 0.5)
    assert pairs["n_predicted"].tolist() == [1]
    assert overlaps[["prediction_id", "truth_id"]].to_numpy().tolist() == [[0, 1], [1, 2]]


@pytest.mark.parametrize("kind", ["box", "point", "point-box", "mask", "clicks", "track"])
def test_the_best_mask_of_a_spatial_prompt_counts_whatever_its_score(kind):
    predictions = [("b", 0, 1, 0.1, square_mask(14, 14, 8)), ("b", 1, 1, 0.2, APPLE)]
    _, _, pairs = match_shard(*make_tables([("b", 1, kind, None, [1])], predictions), 0.5)
    assert pairs["n_predicted"].tolist() == [1] and pairs["tp"].iat[0] == [1] * 10
    # A mask in the `ignore` region is not left out either.
    _, _, pairs = match_shard(*make_tables([("b", 1, kind, None, [1])], predictions[:1]), 0.5)
    assert pairs["n_predicted"].tolist() == [1]


@pytest.mark.parametrize(
    ("mask", "n_counted"),
    [(square_mask(14, 14, 8), 0), (square_mask(14, 10, 8), 0), (square_mask(14, 9, 8), 1), (square_mask(8, 20, 3), 1)],
)
@pytest.mark.parametrize("truth_ids", [(1, 2), ()])
def test_a_false_mask_at_least_half_inside_ignore_does_not_count(mask, n_counted, truth_ids):
    overlaps, instances, pairs = match_shard(*phrase_tables([(0.9, mask)], truth_ids), 0.5)
    assert pairs["n_predicted"].tolist() == [n_counted]
    assert (instances["outcome"] == "false").sum() == n_counted
    assert overlaps["ignore"].all() and not overlaps["target"].any()


def test_a_match_counts_although_it_lies_in_ignore():
    instances = {1: [(1, APPLE, False), (2, square_mask(0, 0, 12), True)]}
    _, _, pairs = match_shard(*phrase_tables([(0.9, APPLE), (0.8, square_mask(7, 7, 3))], [1], instances), 0.5)
    assert pairs["n_predicted"].tolist() == [1] and pairs["tp"].iat[0] == [1] * 10


def test_the_instance_of_a_left_out_mask_is_assigned_again():
    # The first covers instance 1 with IoU 36/92, but most of it lies in `ignore`; the second has IoU 6/66.
    instances = {1: [(1, APPLE, False), (2, square_mask(4, 2, 20), True)]}
    large = np.zeros((24, 30), bool)
    large[2:18, 2:8] = True
    small = square_mask(0, 2, 6) & ~square_mask(4, 2, 6) | square_mask(0, 8, 4)
    _, rows, pairs = match_shard(*phrase_tables([(0.9, large), (0.8, small)], [1], instances), 0.5)
    assert outcomes(rows) == [(1, 1, "missed"), (None, 1, "false")]
    assert pairs["n_predicted"].tolist() == [1] and 0 < pairs["sum_iou"].iat[0] < 0.3


def test_a_thousand_masks_on_an_image():
    shape = (80, 100)
    corners = [(row, column) for row in range(0, 80, 2) for column in range(0, 100, 4)]
    truth = {1: [(index + 1, square_mask(*corner, 2, shape), False) for index, corner in enumerate(corners)]}
    # Every second prediction is shifted by a pixel (IoU 1/3), the others are exact.
    rows = [("p", k, 1, 0.9, square_mask(top, left + k % 2, 2, shape)) for k, (top, left) in enumerate(corners)]
    prompts = prompts_table([("p", 1, "phrase", "apple", [k + 1 for k in range(1000)])])
    _, instances, pairs = match_shard(
        masks_table(rows), prompts, make_ground_truth(truth, shape), images_table([1], shape), 0.5
    )
    assert instances["outcome"].value_counts().to_dict() == {"matched": 500, "missed": 500, "false": 500}
    assert pairs["tp"].iat[0] == [500] * 10 and pairs["sum_iou"].iat[0] == pytest.approx(500 + 500 / 3)
    assert pairs["n_predicted"].iat[0] == pairs["n_truth"].iat[0] == 1000
    assert instances["truth_id"].dropna().is_unique


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 20), st.integers(0, 24))
def test_another_false_mask_never_raises_precision_nor_lowers_recall(seed, top, left):
    masks, prompts, truth, images = random_shard(seed, n_images=3)
    # Prompt 1-0 has no instances, so all its predictions are false.
    false_mask = masks_table([("1-0", 99, 1, 0.9, square_mask(top, left))])
    before, after = (
        match_shard(rows, prompts, truth, images, 0.5)[2] for rows in (masks, pd.concat([masks, false_mask]))
    )
    assert after["n_predicted"].sum() == before["n_predicted"].sum() + 1
    if before["n_predicted"].sum():
        assert evaluate("precision", after) <= evaluate("precision", before)
    if before["n_truth"].sum():
        assert evaluate("recall", after) == evaluate("recall", before)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.floats(0.5, 1))
def test_a_mask_outside_all_instances_never_improves_a_phrase_with_instances(seed, number, score):
    masks, prompts, truth, images = random_shard(seed, n_images=3)
    annotated = [instance.decode_mask() for instance in truth.instances_of(1)]
    background = ~np.logical_or.reduce([square_mask(0, 0, 0), *annotated])
    false_mask = masks_table([(f"1-{number}", 99, 1, score, background)])
    before, after = (
        match_shard(rows, prompts, truth, images, 0.5)[2] for rows in (masks, pd.concat([masks, false_mask]))
    )
    for metric in ("precision", "f1-50", "pmf1", "recall", "iou", "box-recall", "map"):
        values = evaluate(metric, before), evaluate(metric, after)
        if not np.isnan(values[0]):
            assert values[1] <= values[0] + 1e-12
    if before["n_truth"].sum():
        assert evaluate("iou", after) == pytest.approx(evaluate("iou", before))
