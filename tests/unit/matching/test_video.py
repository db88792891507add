"""Statistics of consecutive frames, by the metrics that use them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from samgap.annotations import optical_flow
from samgap.matching.shard import match_shard
from samgap.matching.video import sort_frames
from samgap.metrics import load_metric
from samgap.tables.matching import PAIRS
from tests.helpers.scenes import (
    constant_flow,
    make_ground_truth,
    masks_table,
    prompts_table,
    random_sequences,
    random_tagged_shard,
    square_mask,
)
from tests.helpers.sums import evaluate

EMPTY = np.zeros((24, 30), bool)
SHAPE = EMPTY.shape


def make_flow(right, down=0, hidden=None):
    """Return a flow that moves all pixels, except those of the bool mask `hidden`."""
    rows, columns = np.indices(SHAPE)
    visible = (columns + right >= 0) & (columns + right < 30) & (rows + down >= 0) & (rows + down < 24)
    visible &= True if hidden is None else ~hidden
    pixels = (rows * 30 + columns)[visible]
    return optical_flow.OpticalFlow(pixels, pixels + right + 30 * down)


def match_sequence(truth_masks, predicted_masks, read_flow=optical_flow.read_no_flow):
    """Return table `pairs` of one sequence with prompts of kind `track`.

    Args:
        truth_masks: track -> a mask per frame; empty: not visible, None: marked `ignore`.
        predicted_masks: track -> a mask per frame; empty: no prediction.
        read_flow: the optical flow.
    """
    n_frames = len(next(iter(truth_masks.values())))
    instances, prompts, rows = {}, [], []
    for frame in range(n_frames):
        image_id = frame + 1
        instances[image_id] = []
        for track, masks in truth_masks.items():
            instance_id, ignored = 100 * image_id + track, masks[frame] is None
            mask = square_mask(0, 0) if ignored else masks[frame]
            if mask.any():
                instances[image_id].append((instance_id, mask, ignored))
            truth_ids = None if ignored else [instance_id] if mask.any() else []
            prompts.append((f"{image_id}-{track}", image_id, "track", None, truth_ids, track))
            if predicted_masks[track][frame].any():
                rows.append((f"{image_id}-{track}", 0, image_id, 0.9, predicted_masks[track][frame]))
    truth = make_ground_truth(instances)
    for image_id, items in truth.instances.items():
        truth.instances[image_id] = [replace(item, track=item.id % 100) for item in items]
    images = pd.DataFrame({"image_id": range(1, n_frames + 1), "file": "a/b.jpg", "width": 30, "height": 24})
    images = images.assign(group="g", sequence="s", frame=range(n_frames))
    table = prompts_table([row[:5] for row in prompts]).assign(track=[row[5] for row in prompts])
    return match_shard(masks_table(rows), table, truth, images, 0.5, read_flow)[2]


def test_frames_are_sorted_within_their_sequence():
    images = pd.DataFrame({"sequence": ["b", None, "a", "b", "a"], "frame": [1, None, 1, 0, 0]})
    assert sort_frames(images).index.tolist() == [3, 0, 1, 4, 2]
    single = images.assign(sequence=None)
    assert sort_frames(single) is single


def test_j_and_f_exclude_the_first_and_the_last_frame():
    truth = [square_mask(4, 4), square_mask(4, 5), square_mask(4, 6), EMPTY]
    predicted = [EMPTY, square_mask(4, 6), square_mask(4, 6), square_mask(0, 0)]
    pairs = match_sequence({1: truth}, {1: predicted})
    assert evaluate("j-and-f-j", pairs) == pytest.approx((12 / 20 + 1) / 2)
    assert evaluate("j-and-f-f", pairs) == 1  # 1 px apart, tolerance 1 px


def test_j_and_f_are_one_if_neither_object_nor_mask_exists_and_zero_if_one_does():
    invisible = {1: [square_mask(4, 4), EMPTY, EMPTY]}
    assert evaluate("j-and-f", match_sequence(invisible, {1: [EMPTY] * 3})) == 1
    assert evaluate("j-and-f", match_sequence(invisible, {1: [square_mask(4, 4)] * 3})) == 0


def test_a_mask_next_to_the_object_has_a_boundary_f_but_no_iou():
    pairs = match_sequence({1: [square_mask(4, 4)] * 3}, {1: [square_mask(4, 8)] * 3})
    assert evaluate("j-and-f-j", pairs) == 0 and 0 < evaluate("j-and-f-f", pairs) < 1


def test_frames_that_are_not_evaluable_are_excluded_and_objects_have_equal_weight():
    square = square_mask(4, 4)
    truth = {1: [square] * 6, 2: [square, None, square, None, None, square]}
    pairs = match_sequence(truth, {1: [square] * 2 + [EMPTY] * 4, 2: [square] * 6})
    # One of four frames of the first object, the one evaluable frame of the second.
    assert evaluate("j-and-f-j", pairs) == pytest.approx((1 / 4 + 1) / 2)


def test_motion_lowers_the_published_consistency_but_not_the_warped_one():
    track = [square_mask(4, 4 + 2 * frame) for frame in range(5)]
    pairs = match_sequence({1: track}, {1: track}, lambda image: make_flow(2))
    assert evaluate("upstream-temporal-consistency", pairs) == pytest.approx(8 / 24)
    assert evaluate("warped-consistency", pairs) == 1
    assert evaluate("contour-instability", pairs) == 0
    pairs = match_sequence({1: track}, {1: [track[0], EMPTY, *track[2:]]}, lambda image: make_flow(2))
    assert evaluate("warped-consistency", pairs) == pytest.approx((0 + 0 + 1 + 1) / 4)
    assert evaluate("flicker", pairs) == pytest.approx(2 / 4)


def test_pixels_hidden_in_one_frame_are_excluded_from_the_warped_iou():
    hidden = np.zeros(SHAPE, bool)
    hidden[4:8, 6:8] = True
    truth, predicted = {1: [square_mask(4, 4)] * 2}, {1: [square_mask(4, 4), square_mask(4, 2)]}
    pairs = match_sequence(truth, predicted, lambda image: make_flow(0, 0, hidden))
    assert evaluate("warped-consistency", pairs) == pytest.approx(8 / 16)
    pairs = match_sequence(truth, predicted, lambda image: make_flow(0, 0, ~EMPTY))
    assert pairs["n_warped"].sum() == 0 and np.isnan(evaluate("warped-consistency", pairs))


def test_identity_preservation():
    left, right = [square_mask(4, 4)] * 4, [square_mask(4, 20)] * 4
    truth = {1: left, 2: right}
    assert evaluate("identity-preservation", match_sequence(truth, {1: left, 2: right})) == 1
    switched = {1: left[:2] + right[2:], 2: right[:2] + left[2:]}
    assert evaluate("identity-preservation", match_sequence(truth, switched)) == pytest.approx(4 / 6)
    # After a gap, the object is compared with the last frame on which it was matched.
    with_gap = {1: [left[0], EMPTY, *left[2:]], 2: right}
    assert evaluate("identity-preservation", match_sequence(truth, with_gap)) == 1
    assert np.isnan(evaluate("identity-preservation", match_sequence({1: left}, {1: [EMPTY] * 4})))


def test_each_sequence_is_independent_of_the_others_and_of_the_order_of_images():
    masks, prompts, truth, images = random_sequences(3, n_sequences=2, n_frames=5)
    together = match_shard(masks, prompts, truth, images, 0.5, constant_flow)[2].set_index("prompt_id")
    for name, rows in images.groupby("sequence"):
        sequence_masks = masks[masks["image_id"].isin(rows["image_id"])]
        alone = match_shard(sequence_masks, prompts, truth, rows, 0.5, constant_flow)[2].set_index("prompt_id")
        pd.testing.assert_frame_equal(alone, together[together["sequence"] == name])
    reversed_images = match_shard(masks, prompts, truth, images.iloc[::-1], 0.5, constant_flow)[2]
    pd.testing.assert_frame_equal(reversed_images.set_index("prompt_id").loc[together.index], together)


def test_a_frame_without_prompts_interrupts_the_comparison():
    masks, prompts, truth, images = random_sequences(1, n_sequences=1)
    masks, prompts = (table[table["image_id"] != 102] for table in (masks, prompts))
    pairs = match_shard(masks, prompts, truth, images, 0.5, constant_flow)[2]
    assert pairs.loc[pairs["frame"].isin([0, 3]), "step_iou"].isna().all()
    assert pairs.loc[pairs["frame"].isin([1, 4, 5]), "step_iou"].notna().any()


def test_frames_that_are_not_consecutive_have_no_flow():
    masks, prompts, truth, images = random_sequences(1, n_sequences=1)
    pairs = match_shard(masks, prompts, truth, images.assign(frame=images["frame"] * 2), 0.5, constant_flow)[2]
    assert pairs["step_iou"].notna().any() and pairs["warped_iou"].isna().all()


def test_metrics_of_sequences_are_not_evaluable_on_single_images(tmp_path):
    pairs = match_shard(*random_tagged_shard(1), 0.5)[2]
    PAIRS.write(tmp_path / "pairs.parquet", pairs)
    for metric in ("j-and-f", "warped-consistency", "flicker", "identity-preservation", "contour-instability"):
        assert np.isnan(evaluate(metric, pairs))
        reasons = {
            load_metric(metric).not_evaluable_reason(table) for table in (pairs, PAIRS.read(tmp_path / "pairs.parquet"))
        }
        assert reasons == {"not evaluable: the images are not frames of a sequence"}


def test_each_metric_of_sequences_has_a_reason_why_it_is_not_evaluable():
    masks, prompts, truth, images = random_sequences(2)
    pairs = match_shard(masks, prompts, truth, images, 0.5)[2]
    by_kind = dict(iter(pairs.groupby("kind")))
    for metric, rows, reason in (
        ("warped-consistency", pairs, "the data set has no optical flow"),
        ("identity-preservation", by_kind["box"], "no object is tracked through a sequence"),
        ("j-and-f", by_kind["phrase"], "no object is prompted on three frames of a sequence"),
        ("contour-instability", by_kind["phrase"], "no prompt is on two consecutive frames"),
        ("flicker", pairs[pairs["frame"] == 0], "no prompt is on two consecutive frames"),
    ):
        assert load_metric(metric).not_evaluable_reason(rows).startswith(f"not evaluable: {reason}")


def test_metrics_of_sequences_survive_the_table_file(tmp_path):
    masks, prompts, truth, images = random_sequences(2)
    pairs = match_shard(masks, prompts, truth, images, 0.5)[2]
    PAIRS.write(tmp_path / "pairs.parquet", pairs)
    read_back = PAIRS.read(tmp_path / "pairs.parquet")
    for metric in ("j-and-f", "flicker", "identity-preservation", "upstream-temporal-consistency"):
        assert evaluate(metric, read_back) == evaluate(metric, pairs)
