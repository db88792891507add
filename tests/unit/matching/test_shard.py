from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samgap.errors import UserError
from samgap.matching.shard import match_shard
from samgap.metrics import load_metric
from samgap.tables.catalog import TABLES
from tests.helpers.scenes import (
    images_table,
    make_ground_truth,
    masks_table,
    prompts_table,
    random_shard,
    random_tagged_shard,
    rle_to_box,
    square_mask,
)
from tests.helpers.sums import evaluate

APPLES = {1: [(1, square_mask(2, 2, 6), False), (2, square_mask(2, 14, 6), False), (3, square_mask(14, 14, 8), True)]}


def world(prompts, predictions, instances=APPLES):
    return masks_table(predictions), prompts_table(prompts), make_ground_truth(instances), images_table(instances)


def phrase(predictions, truth_ids=(1, 2), instances=APPLES):
    wanted = None if truth_ids is None else list(truth_ids)
    prompts = [("p", 1, "phrase", "apple", wanted)]
    return world(prompts, [("p", key, 1, score, mask) for key, (score, mask) in enumerate(predictions)], instances)


def outcomes(instances: pd.DataFrame) -> list[tuple]:
    rows = instances[["truth_id", "prediction_id", "outcome"]].astype(object)
    return [tuple(None if pd.isna(value) else value for value in row) for row in rows.itertuples(index=False)]


def test_a_perfect_answer_scores_one_everywhere():
    _, instances, pairs = match_shard(*phrase([(0.9, square_mask(2, 2, 6)), (0.8, square_mask(2, 14, 6))]), 0.5)
    assert pairs["tp"].tolist() == [[2] * 10]
    for metric in ("iou", "dice", "boundary-f-2px", "precision", "recall", "f1-50", "concept-recall"):
        assert evaluate(metric, pairs) == 1
    assert evaluate("pmf1", pairs) == pytest.approx(1, abs=2e-4)
    assert outcomes(instances) == [(1, 0, "matched"), (2, 1, "matched")]


GOOD_AT_1 = [
    *("iou", "dice", "boundary-f-1px", "boundary-f-relative", "boundary-f-davis", "boundary-iou", "boundary-iou-2px"),
    *("quality", "success-95", "map", "map-coco", "box-iou", "box-f1-50", "box-map", "coverage", "presence-accuracy"),
    *("attribute-accuracy-strict", "compositional-accuracy-2", "open-vocabulary-f1-unseen", "instructions-giou"),
    *("instructions-p50", "f1-score-15", "f1-iou-95", "iou-after-clicks-1", "upstream-iou", "upstream-greedy-f1"),
]
GOOD_AT_0 = [
    "hausdorff-95",
    "area-error",
    "count-error",
    "grounding-error-box",
    "grounding-error-off-concept",
    "noc-90-failures",
]


def perfect(seed):
    """A world whose every answer is the truth itself."""
    _, prompts, truth, images = random_tagged_shard(seed)
    rows = [
        (prompt.prompt_id, place, prompt.image_id, 1.0, item.decode_mask())
        for prompt in prompts[prompts["kind"] != "other"].itertuples()
        for place, item in enumerate(
            each for each in truth.instances_of(prompt.image_id) if each.id in prompt.truth_ids
        )
    ]
    masks = masks_table(rows)
    boxes = [rle_to_box({"size": [300, 380], "counts": rle}) for rle in masks["rle"]]
    masks[["x0", "y0", "x1", "y1"]] = np.array(boxes, float)
    masks["clicks"] = [1 if "clicks" in name else None for name in masks["prompt_id"]]
    return masks, prompts, truth, images


@pytest.mark.parametrize("seed", range(2))
def test_a_perfect_answer_is_the_best_there_is(seed):
    masks, prompts, truth, images = perfect(seed)
    pairs = match_shard(masks, prompts, truth, images, 0.5)[2]
    # Two masks of one phrase may both be the same apple's, in this world; an attribute's phrases may share an apple.
    values = {metric: evaluate(metric, pairs) for metric in (*GOOD_AT_1, *GOOD_AT_0)}
    shared = values.pop("attribute-accuracy-strict")
    assert shared > 0.5
    assert values == pytest.approx({key: float(key in GOOD_AT_1) for key in values}, abs=1e-12)


def test_nested_masks_are_told_apart():
    instances = {1: [(1, square_mask(2, 2, 12), False), (2, square_mask(5, 5, 4), False)]}
    _, rows, pairs = match_shard(
        *phrase([(0.9, square_mask(5, 5, 4)), (0.8, square_mask(2, 2, 12))], instances=instances), 0.5
    )
    assert outcomes(rows) == [(1, 1, "matched"), (2, 0, "matched")] and pairs["sum_iou"].tolist() == [2]
    _, rows, pairs = match_shard(*phrase([(0.9, square_mask(2, 2, 12))], instances=instances), 0.5)
    assert outcomes(rows) == [(1, 0, "matched"), (2, None, "missed")] and pairs["covered"].tolist() == [1]


def test_clicks_that_come_twice():
    masks, prompts, truth, images = world(
        [("p", 1, "clicks", None, [1])], [("p", k, 1, 0.5, square_mask(2, 2, 6)) for k in (0, 1)]
    )
    _, _, pairs = match_shard(masks.assign(clicks=[2, 1]), prompts, truth, images, 0.5)
    assert pairs["click_iou"].tolist() == [[1, 1]]
    with pytest.raises(UserError, match="prediction 1 of prompt p, image 1, comes after as many clicks as another"):
        match_shard(masks.assign(clicks=[1, 1]), prompts, truth, images, 0.5)


def test_the_last_of_the_clicks_counts_and_a_target_counts_its_clicks():
    shapes = [square_mask(2, 9, 6), square_mask(2, 5, 6), square_mask(2, 3, 6), square_mask(2, 2, 6)]
    masks, *rest = world(
        [("p", 1, "clicks", None, [1])], [("p", k, 1, 1 - k / 9, mask) for k, mask in enumerate(shapes)]
    )
    _, _, pairs = match_shard(masks.assign(clicks=[1, 2, 3, 4]), *rest, 0.5)
    assert pairs["sum_iou"].tolist() == [1] and pairs["click_iou"].iat[0] == pytest.approx([0, 1 / 3, 30 / 42, 1])
    assert evaluate("noc-90", pairs) == 4 and evaluate("noc-90-failures", pairs) == 0
    assert evaluate("iou-after-clicks-3", pairs) == pytest.approx(30 / 42) and evaluate("prompts-per-image", pairs) == 4
    _, _, pairs = match_shard(masks.iloc[:3].assign(clicks=[1, 2, 3]), *rest, 0.5)
    assert evaluate("noc-80", pairs) == 20 and evaluate("noc-80-failures", pairs) == 1
    assert evaluate("iou-after-clicks-20", pairs) == pytest.approx(30 / 42)


def test_the_greatest_total_wins_over_the_greatest_single_iou():
    # The first prediction is best for instance 1, but instance 2 has no other one that touches it.
    both = square_mask(2, 2, 6) | square_mask(2, 14, 6)
    _, instances, pairs = match_shard(*phrase([(0.9, both), (0.8, square_mask(3, 2, 6))]), 0.5)
    assert outcomes(instances)[:2] == [(1, 1, "matched"), (2, 0, "matched")]
    assert pairs["n_predicted"].tolist() == [2]


def test_a_weak_answer_is_missed_and_false_but_keeps_its_iou():
    _, instances, pairs = match_shard(*phrase([(0.9, square_mask(5, 5, 6))]), 0.5)
    assert outcomes(instances) == [(1, 0, "missed"), (2, None, "missed"), (None, 0, "false")]
    assert pairs["sum_iou"].iat[0] == pytest.approx(9 / 63)
    assert instances["iou"].iloc[1:].tolist()[0] == 0 and np.isnan(instances["iou"].iat[2])


def test_touching_masks_are_no_answer_though_their_boundaries_are_near():
    _, instances, pairs = match_shard(*phrase([(0.9, square_mask(2, 8, 6))]), 0.5)
    assert outcomes(instances) == [(1, None, "missed"), (2, None, "missed"), (None, 0, "false")]
    assert pairs["sum_boundary_f_2px"].tolist() == [0]


def test_scores_below_the_threshold_stay_in_the_overlaps_alone():
    overlaps, _, pairs = match_shard(*phrase([(0.5, square_mask(2, 2, 6)), (0.49, square_mask(2, 14, 6))]), 0.5)
    assert pairs["n_predicted"].tolist() == [1]
    assert overlaps[["prediction_id", "truth_id"]].to_numpy().tolist() == [[0, 1], [1, 2]]


def test_the_best_mask_of_a_spatial_prompt_counts_whatever_its_score():
    predictions = [("b", 0, 1, 0.1, square_mask(14, 14, 8)), ("b", 1, 1, 0.2, square_mask(2, 2, 6))]
    for kind in ("box", "point", "point-box"):
        _, _, pairs = match_shard(*world([("b", 1, kind, None, [1])], predictions), 0.5)
        assert pairs["n_predicted"].tolist() == [1] and pairs["tp"].iat[0] == [1] * 10
        # Nor is one left out for lying in `ignore`.
        _, _, pairs = match_shard(*world([("b", 1, kind, None, [1])], predictions[:1]), 0.5)
        assert pairs["n_predicted"].tolist() == [1]


@pytest.mark.parametrize(
    ("mask", "counted"),
    [(square_mask(14, 14, 8), 0), (square_mask(14, 10, 8), 0), (square_mask(14, 9, 8), 1), (square_mask(8, 20, 3), 1)],
)
def test_a_false_mask_at_least_half_inside_ignore_does_not_count(mask, counted):
    for wanted in ((1, 2), ()):
        overlaps, instances, pairs = match_shard(*phrase([(0.9, mask)], wanted), 0.5)
        assert pairs["n_predicted"].tolist() == [counted]
        assert (instances["outcome"] == "false").sum() == counted
        assert overlaps["ignore"].all() and not overlaps["target"].any()


def test_two_ignored_instances_count_together():
    halves = {
        1: [(1, square_mask(2, 2, 6), False), (2, square_mask(12, 12, 4), True), (3, square_mask(12, 16, 4), True)]
    }
    for left, counted in ((14, 0), (8, 0), (7, 1)):
        mask = square_mask(12, left, 8) & ~square_mask(14, left, 8)  # two rows of eight
        _, _, pairs = match_shard(*phrase([(0.9, mask)], [1], halves), 0.5)
        assert pairs["n_predicted"].tolist() == [counted]


def test_a_hit_counts_though_it_lies_in_ignore():
    apple = square_mask(2, 2, 6)
    instances = {1: [(1, apple, False), (2, square_mask(0, 0, 12), True)]}
    _, _, pairs = match_shard(*phrase([(0.9, apple), (0.8, square_mask(7, 7, 3))], [1], instances), 0.5)
    assert pairs["n_predicted"].tolist() == [1] and pairs["tp"].iat[0] == [1] * 10


def test_what_a_left_out_mask_was_assigned_goes_to_the_next():
    # The first covers instance 1 at IoU 36/92, but lies in `ignore` for the greater part; the second is at 6/66.
    instances = {1: [(1, square_mask(2, 2, 6), False), (2, square_mask(4, 2, 20), True)]}
    large = np.zeros((24, 30), bool)
    large[2:18, 2:8] = True
    small = square_mask(0, 2, 6)[:, :] & ~square_mask(4, 2, 6)
    small = small | square_mask(0, 8, 4)
    _, rows, pairs = match_shard(*phrase([(0.9, large), (0.8, small)], [1], instances), 0.5)
    assert outcomes(rows) == [(1, 1, "missed"), (None, 1, "false")]
    assert pairs["n_predicted"].tolist() == [1] and 0 < pairs["sum_iou"].iat[0] < 0.3


def test_a_box_alone_serves_as_ignore_and_as_truth_for_boxes():
    masks, prompts, truth, images = phrase([(0.9, square_mask(14, 14, 8))])
    bare = {1: [*truth.instances_of(1)[:2], replace(truth.instances_of(1)[2], rle=None, box=(14, 14, 22, 22))]}
    overlaps, _, pairs = match_shard(masks, prompts, replace(truth, instances=bare), images, 0.5)
    assert pairs["n_predicted"].tolist() == [0] and overlaps["ioa"].tolist() == [1]
    bare = {1: [replace(truth.instances_of(1)[0], rle=None), *truth.instances_of(1)[1:]]}
    masks, prompts, truth, images = phrase([(0.9, square_mask(2, 2, 6)), (0.8, square_mask(14, 2, 6))])
    masks[["x0", "y0", "x1", "y1"]] = [[2.0, 2, 8, 8], [2.0, 14, 8, 20]]
    bare = {1: [replace(truth.instances_of(1)[0], rle=None, box=(2, 2, 8, 9)), *truth.instances_of(1)[1:]]}
    _, instances, pairs = match_shard(masks, prompts, replace(truth, instances=bare), images, 0.5)
    assert pairs["boxes_only"].tolist() == [True]
    assert pairs["tp"].iat[0] == [0] * 10 and pairs["box_tp"].iat[0] == [1] * 8 + [0] * 2  # 36 of 42
    assert evaluate("box-f1-50", pairs) == 2 * 1 / (2 + 2) and evaluate("box-iou", pairs) == pytest.approx(36 / 42 / 2)
    assert load_metric("iou").not_evaluable_reason(pairs) == "not evaluable: the ground truth has boxes only"
    assert instances["outcome"].tolist() == ["matched", "missed", "false"] and instances["iou"].isna().tolist()[0]


def test_absent_and_unknown_are_not_the_same():
    _, instances, pairs = match_shard(*phrase([(0.9, square_mask(8, 24, 4))], []), 0.5)
    assert pairs[["evaluable", "n_truth", "n_predicted"]].to_numpy().tolist() == [[True, 0, 1]]
    assert outcomes(instances) == [(None, 0, "false")]
    _, instances, pairs = match_shard(*phrase([(0.9, square_mask(2, 2, 6))], None), 0.5)
    assert pairs[["evaluable", "n_truth"]].to_numpy().tolist() == [[False, 0]]
    assert pairs["tp"].iat[0] == [0] * 10 and pairs["sum_iou"].tolist() == [0] and not len(instances)


def test_every_prompt_of_the_shards_images_has_its_row():
    prompts = [("a", 1, "phrase", "apple", [1]), ("b", 2, "phrase", "apple", []), ("c", 9, "phrase", "apple", [77])]
    truth = make_ground_truth({1: [(1, square_mask(2, 2), False)], 2: []})
    overlaps, instances, pairs = match_shard(masks_table([]), prompts_table(prompts), truth, images_table([1, 2]), 0.5)
    assert pairs["prompt_id"].tolist() == ["a", "b"] and pairs["group"].tolist() == ["group-1", "group-2"]
    assert outcomes(instances) == [(1, None, "missed")] and not len(overlaps)


def test_an_empty_shard_and_an_empty_mask_end_in_well_formed_tables(tmp_path):
    empty = masks_table([]), prompts_table([]), make_ground_truth({}), images_table([])
    for number, made in enumerate(
        (match_shard(*empty, 0.5), match_shard(*phrase([(0.9, np.zeros((24, 30), bool))]), 0.5))
    ):
        for name, frame in zip(("overlaps", "instances", "pairs"), made, strict=True):
            TABLES[name].write(tmp_path / f"{name}.parquet", frame)
            assert len(TABLES[name].read(tmp_path / f"{name}.parquet")) == len(frame)
        assert made[2]["n_predicted"].tolist() == [1] * number


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(seed, random):
    masks, prompts, truth, images = random_shard(seed, n_images=3)
    order = random.sample(range(len(masks)), len(masks))
    overlaps, instances, pairs = match_shard(masks, prompts, truth, images, 0.5)
    others = match_shard(masks.iloc[order], prompts, truth, images, 0.5)
    for one, other in zip((overlaps, instances, pairs), others, strict=True):
        pd.testing.assert_frame_equal(one, other)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 20), st.integers(0, 24))
def test_another_false_mask_never_raises_precision_nor_lowers_recall(seed, top, left):
    masks, prompts, truth, images = random_shard(seed, n_images=3)
    more = masks_table([("1-0", 99, 1, 0.9, square_mask(top, left))])
    before, after = (match_shard(rows, prompts, truth, images, 0.5)[2] for rows in (masks, pd.concat([masks, more])))
    assert after["n_predicted"].sum() == before["n_predicted"].sum() + 1
    # Prompt 1-0 is absent from its image, so that whatever answers it is false.
    if before["n_predicted"].sum():
        assert evaluate("precision", after) <= evaluate("precision", before)
    if before["n_truth"].sum():
        assert evaluate("recall", after) == evaluate("recall", before)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.floats(0.5, 1))
def test_a_mask_off_all_truth_never_raises_precision_though_its_phrase_is_there(seed, number, score):
    masks, prompts, truth, images = random_shard(seed, n_images=3)
    free = ~np.logical_or.reduce([square_mask(0, 0, 0), *(item.decode_mask() for item in truth.instances_of(1))])
    more = masks_table([(f"1-{number}", 99, 1, score, free)])
    before, after = (match_shard(rows, prompts, truth, images, 0.5)[2] for rows in (masks, pd.concat([masks, more])))
    for metric in ("precision", "f1-50", "pmf1", "recall", "iou", "box-recall", "map"):
        values = evaluate(metric, before), evaluate(metric, after)
        if not np.isnan(values[0]):
            assert values[1] <= values[0] + 1e-12
    if before["n_truth"].sum():
        assert evaluate("iou", after) == pytest.approx(evaluate("iou", before))


def test_a_thousand_masks_on_an_image():
    shape = (80, 100)
    places = [(row, column) for row in range(0, 80, 2) for column in range(0, 100, 4)]
    truth = {1: [(key + 1, square_mask(*place, 2, shape), False) for key, place in enumerate(places)]}
    # Every other one is answered a pixel off (IoU 1/3), the rest as they are.
    rows = [("p", k, 1, 0.9, square_mask(top, left + k % 2, 2, shape)) for k, (top, left) in enumerate(places)]
    given = masks_table(rows), prompts_table([("p", 1, "phrase", "apple", [k + 1 for k in range(1000)])])
    _, instances, pairs = match_shard(*given, make_ground_truth(truth, shape), images_table([1], shape), 0.5)
    assert instances["outcome"].value_counts().to_dict() == {"matched": 500, "missed": 500, "false": 500}
    assert pairs["tp"].iat[0] == [500] * 10 and pairs["sum_iou"].iat[0] == pytest.approx(500 + 500 / 3)
    assert pairs["n_predicted"].iat[0] == pairs["n_truth"].iat[0] == 1000
    assert instances["truth_id"].dropna().is_unique


def test_the_published_greedy_matching_passes_over_what_is_left_out():
    # Ranked: inside what is to be ignored, then a hit.
    _, _, pairs = match_shard(*phrase([(0.9, square_mask(14, 14, 8)), (0.8, square_mask(2, 2, 6))]), 0.5)
    assert pairs["n_predicted"].tolist() == [1]
    assert evaluate("upstream-greedy-precision", pairs) == 1 and evaluate("upstream-greedy-recall", pairs) == 1 / 2


def changed(table, column, value):
    table = table.copy()
    table[column] = [value] * len(table)
    return table


GOOD = [(0.9, square_mask(2, 2, 6))]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("prompt_id", "q", "prediction 0 of prompt q, image 1, is of a prompt that this shard"),
        ("image_id", 7, "prediction 0 of prompt p, image 7, is of another image than its prompt"),
        ("score", 1.01, "a score that is not between 0 and 1"),
        ("score", -0.01, "a score that is not between 0 and 1"),
        ("score", float("nan"), "a score that is not between 0 and 1"),
        ("x1", float("nan"), "prediction 0 of prompt p, image 1, has a box with an edge that is no number"),
        ("y0", float("inf"), "has a box with an edge that is no number"),
        ("height", 30, "its mask is 30×30 px, image 1 is 30×24"),
        ("rle", b"5", "an RLE does not hold 24×30 pixels"),
    ],
)
def test_bad_predictions_are_told_in_one_line(column, value, message):
    masks, prompts, truth, images = phrase(GOOD)
    with pytest.raises(UserError, match=message):
        match_shard(changed(masks, column, value), prompts, truth, images, 0.5)


def test_a_prediction_named_twice():
    masks, prompts, truth, images = phrase(GOOD)
    with pytest.raises(UserError, match="prediction 0 of prompt p, image 1, stands there twice"):
        match_shard(pd.concat([masks, masks]), prompts, truth, images, 0.5)


@pytest.mark.parametrize(
    ("truth_ids", "message"),
    [
        ([1, 99], "asks for instance 99, which is not in the image"),
        ([3], "marked ignore"),
        ([1, 1], "instance 1 twice"),
    ],
)
def test_bad_truth_ids(truth_ids, message):
    with pytest.raises(UserError, match=message):
        match_shard(*phrase(GOOD, truth_ids), 0.5)


def test_a_spatial_prompt_asks_for_one_instance():
    with pytest.raises(UserError, match="spatial and asks for 2 instances, not one"):
        match_shard(*world([("p", 1, "box", None, [1, 2])], []), 0.5)


def test_prompts_and_images_named_twice_or_unknown():
    masks, prompts, truth, images = phrase(GOOD)
    with pytest.raises(UserError, match="prompt p stands twice"):
        match_shard(masks, pd.concat([prompts, prompts]), truth, images, 0.5)
    with pytest.raises(UserError, match="names an image twice"):
        match_shard(masks, prompts, truth, pd.concat([images, images]), 0.5)
    with pytest.raises(UserError, match="image 8 is in images.parquet and not in instances.json"):
        match_shard(masks, prompts, truth, images_table([1, 8]), 0.5)


def test_truth_of_another_size_than_its_image():
    masks, prompts, truth, _ = phrase([])
    with pytest.raises(UserError, match="instance 1 of image 1: its mask is 30×24 px, the image 31×24"):
        match_shard(masks, prompts, truth, images_table([1], (24, 31)), 0.5)
