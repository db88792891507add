from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samgap.annotations import optical_flow
from samgap.errors import UserError
from samgap.masks import boundaries
from samgap.matching import contours
from samgap.matching.shard import match_shard
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


def disk(row, column, radius, shape=(80, 100)):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - row, columns - column) <= radius


def moved(right, down=0, hidden=None):
    """A flow by which all moves, but for what `hidden` marks."""
    rows, columns = np.indices(SHAPE)
    seen = (columns + right >= 0) & (columns + right < 30) & (rows + down >= 0) & (rows + down < 24)
    seen &= True if hidden is None else ~hidden
    places = (rows * 30 + columns)[seen]
    return optical_flow.OpticalFlow(places, places + right + 30 * down)


def film(tracks, answers, flows=optical_flow.read_no_flow, kind="track"):
    """Pairs of one sequence: {track: masks or None (ignored), one a frame} and {track: answered masks}."""
    frames = len(next(iter(tracks.values())))
    instances, prompts, rows = {}, [], []
    for frame in range(frames):
        image = frame + 1
        instances[image] = []
        for track, masks in tracks.items():
            key, ignored = 100 * image + track, masks[frame] is None
            mask = square_mask(0, 0) if ignored else masks[frame]
            if mask.any():
                instances[image].append((key, mask, ignored))
            prompt = f"{image}-{track}"
            prompts.append((prompt, image, kind, None, None if ignored else [key] if mask.any() else [], track))
            if answers[track][frame].any():
                rows.append((prompt, 0, image, 0.9, answers[track][frame]))
    known = make_ground_truth(instances)
    for image, items in known.instances.items():
        known.instances[image] = [replace(item, track=item.id % 100) for item in items]
    images = pd.DataFrame({"image_id": range(1, frames + 1), "file": "a/b.jpg", "width": 30, "height": 24})
    images = images.assign(group="g", sequence="s", frame=range(frames))
    asked = prompts_table([row[:5] for row in prompts]).assign(track=[row[5] for row in prompts])
    return match_shard(masks_table(rows), asked, known, images, 0.5, flows)[2]


def test_j_and_f_leave_out_the_first_and_the_last_frame():
    truth = [square_mask(4, 4), square_mask(4, 5), square_mask(4, 6), EMPTY]
    predicted = [EMPTY, square_mask(4, 6), square_mask(4, 6), square_mask(0, 0)]
    pairs = film({1: truth}, {1: predicted})
    assert evaluate("j-and-f-j", pairs) == pytest.approx((12 / 20 + 1) / 2)
    assert evaluate("j-and-f-f", pairs) == 1  # 1 px apart, tolerance 1 px
    assert evaluate("j-and-f", film({1: [square_mask(4, 4), EMPTY, EMPTY]}, {1: [EMPTY] * 3})) == 1
    assert evaluate("j-and-f", film({1: [square_mask(4, 4), EMPTY, EMPTY]}, {1: [square_mask(4, 4)] * 3})) == 0
    # A mask beside the object has no IoU, but an outline that is near.
    beside = film({1: [square_mask(4, 4)] * 3}, {1: [square_mask(4, 8)] * 3})
    assert evaluate("j-and-f-j", beside) == 0 and 0 < evaluate("j-and-f-f", beside) < 1


def test_frames_that_are_not_known_are_left_out_and_objects_weigh_the_same():
    right, wrong = [square_mask(4, 4)] * 6, [square_mask(4, 4)] * 2 + [EMPTY] * 4
    half = [square_mask(4, 4), None, square_mask(4, 4), None, None, square_mask(4, 4)]
    pairs = film({1: right, 2: half}, {1: wrong, 2: right})
    # One of four frames of the first, the one known of the second.
    assert evaluate("j-and-f-j", pairs) == pytest.approx((1 / 4 + 1) / 2)


def test_motion_is_instability_to_the_published_score_alone():
    track = [square_mask(4, 4 + 2 * frame) for frame in range(5)]
    pairs = film({1: track}, {1: track}, lambda image: moved(2))
    assert evaluate("upstream-temporal-consistency", pairs) == pytest.approx(8 / 24)
    assert evaluate("warped-consistency", pairs) == 1
    assert evaluate("contour-instability", pairs) == 0
    pairs = film({1: track}, {1: [track[0], EMPTY, *track[2:]]}, lambda image: moved(2))
    assert evaluate("warped-consistency", pairs) == pytest.approx((0 + 0 + 1 + 1) / 4)
    assert evaluate("flicker", pairs) == pytest.approx(2 / 4)


def test_hidden_and_new_pixels_are_left_out_of_the_warp():
    hidden = np.zeros(SHAPE, bool)
    hidden[4:8, 6:8] = True
    pairs = film(
        {1: [square_mask(4, 4)] * 2}, {1: [square_mask(4, 4), square_mask(4, 2)]}, lambda image: moved(0, 0, hidden)
    )
    assert evaluate("warped-consistency", pairs) == pytest.approx(8 / 16)
    away = film({1: [square_mask(4, 4)] * 2}, {1: [square_mask(4, 4)] * 2}, lambda image: moved(0, 0, ~EMPTY))
    assert away["n_warped"].sum() == 0 and np.isnan(evaluate("warped-consistency", away))


def test_identities():
    left, right = [square_mask(4, 4)] * 4, [square_mask(4, 20)] * 4
    assert evaluate("identity-preservation", film({1: left, 2: right}, {1: left, 2: right})) == 1
    switched = {1: left[:2] + right[2:], 2: right[:2] + left[2:]}
    assert evaluate("identity-preservation", film({1: left, 2: right}, switched)) == pytest.approx(4 / 6)
    # A gap is no switch: the last frame that it was found on counts.
    gap = film({1: left, 2: right}, {1: [left[0], EMPTY, *left[2:]], 2: right})
    assert evaluate("identity-preservation", gap) == 1
    assert np.isnan(evaluate("identity-preservation", film({1: left}, {1: [EMPTY] * 4})))


def test_another_sequence_begins_anew():
    given = random_sequences(3, n_sequences=3)
    whole = match_shard(*given, 0.5, constant_flow)[2].set_index("prompt_id")
    images = given[3]
    for name, mine in images.groupby("sequence"):
        masks = given[0][given[0]["image_id"].isin(mine["image_id"])]
        alone = match_shard(masks, given[1], given[2], mine, 0.5, constant_flow)[2].set_index("prompt_id")
        pd.testing.assert_frame_equal(alone, whole[whole["sequence"] == name])
    # The order of images in the table does not matter.
    back = match_shard(*given[:3], images.iloc[::-1], 0.5, constant_flow)[2].set_index("prompt_id")
    pd.testing.assert_frame_equal(back.loc[whole.index], whole)


def test_a_frame_of_which_nothing_is_asked_parts_two_steps():
    masks, prompts, truth, images = random_sequences(1, n_sequences=1)
    asked = prompts[prompts["image_id"] != 102]
    pairs = match_shard(masks[masks["image_id"] != 102], asked, truth, images, 0.5, constant_flow)[2]
    assert pairs.loc[pairs["frame"].isin([0, 3]), "step_iou"].isna().all()
    assert pairs.loc[pairs["frame"].isin([1, 4, 5]), "step_iou"].notna().any()


def test_frames_that_are_not_next_to_each_other_have_no_flow():
    masks, prompts, truth, images = random_sequences(1, n_sequences=1)
    pairs = match_shard(masks, prompts, truth, images.assign(frame=images["frame"] * 2), 0.5, constant_flow)[2]
    assert pairs["step_iou"].notna().any() and pairs["warped_iou"].isna().all()


def test_single_images_are_no_sequence(tmp_path):
    pairs = match_shard(*random_tagged_shard(1), 0.5)[2]
    PAIRS.write(tmp_path / "pairs.parquet", pairs)
    for metric in ("j-and-f", "warped-consistency", "flicker", "identity-preservation", "contour-instability"):
        assert np.isnan(evaluate(metric, pairs))
        assert (
            load_metric(metric).not_evaluable_reason(pairs) == "not evaluable: the images are no frames of a sequence"
        )
        assert load_metric(metric).not_evaluable_reason(PAIRS.read(tmp_path / "pairs.parquet")) == load_metric(
            metric
        ).not_evaluable_reason(pairs)


def test_what_a_sequence_cannot_tell_has_its_reason(tmp_path):
    masks, prompts, truth, images = random_sequences(2)
    pairs = match_shard(masks, prompts, truth, images, 0.5)[2]
    assert (
        load_metric("warped-consistency").not_evaluable_reason(pairs)
        == "not evaluable: the data set has no optical flow"
    )
    boxes = pairs[pairs["kind"] == "box"]
    assert (
        load_metric("identity-preservation").not_evaluable_reason(boxes)
        == "not evaluable: no object is followed through a sequence"
    )
    phrases = pairs[pairs["kind"] == "phrase"]
    assert (
        load_metric("j-and-f").not_evaluable_reason(phrases)
        == "not evaluable: no object is asked for on three frames of a sequence"
    )
    assert (
        load_metric("contour-instability")
        .not_evaluable_reason(phrases)
        .startswith("not evaluable: nothing is asked for on two frames")
    )
    first = pairs[pairs["frame"] == 0]
    assert (
        load_metric("flicker").not_evaluable_reason(first)
        == "not evaluable: nothing is asked for on two frames in a row"
    )
    PAIRS.write(tmp_path / "pairs.parquet", pairs)
    back = PAIRS.read(tmp_path / "pairs.parquet")
    for metric in ("j-and-f", "flicker", "identity-preservation", "upstream-temporal-consistency"):
        assert evaluate(metric, back) == evaluate(metric, pairs)


# --- flow files


def frame(name="a/00003.jpg", number=3):
    rows = pd.DataFrame({"file": [name], "frame": [number], "height": [24], "width": [30]})
    return next(rows.itertuples(index=False))


def test_a_flow_file_is_read_as_it_is_documented(tmp_path):
    coded = np.full((24, 30, 3), 128, np.uint8)
    coded[..., 0] += 2  # to the right
    coded[..., 1] -= 1  # up
    coded[..., 2] = 255
    coded[5:9, :, 2] = 0
    (tmp_path / "a" / "flow").mkdir(parents=True)
    Image.fromarray(coded).save(tmp_path / "a" / "flow" / "00003.png")
    found = optical_flow.read_flow(tmp_path, frame())
    rows, columns = found.source_pixels // 30, found.source_pixels % 30
    assert set(rows) == set(range(1, 24)) - set(range(5, 9)) and columns.max() == 27 and columns.min() == 0
    assert np.array_equal(found.target_pixels // 30, rows - 1) and np.array_equal(found.target_pixels % 30, columns + 2)
    assert optical_flow.read_flow(tmp_path, frame(number=4)) is None
    Image.fromarray(coded[:, :20]).save(tmp_path / "a" / "flow" / "00003.png")
    with pytest.raises(UserError, match="00003.png: 20×24 px, its frame 30×24; make the data set again"):
        optical_flow.read_flow(tmp_path, frame())
    (tmp_path / "a" / "flow" / "00003.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="00003.png: not a readable flow"):
        optical_flow.read_flow(tmp_path, frame())


# --- contours


def crop(mask):
    return boundaries.Crop(mask, 0, 0)


def cost(one, other):
    return contours.contour_cost(*(contours.shape_context(contours.trace_contour(mask)) for mask in (one, other)))


def test_a_contour_goes_once_around():
    points = contours.trace_contour(disk(40, 50, 20))
    assert points.shape == (100, 2)
    assert np.hypot(*(points - (40, 50)).T) == pytest.approx(20, abs=1)
    angle = np.unwrap(np.arctan2(*(points - (40, 50)).T))
    assert abs(angle[-1] - angle[0]) == pytest.approx(2 * np.pi * 0.99, abs=0.05)
    line = np.zeros((9, 12), bool)
    line[4, 2:9] = True
    back = contours.trace_contour(line)  # there and back
    assert back[:, 1].min() == 2 and back[:, 1].max() == pytest.approx(8, abs=0.13) and (back[:, 0] == 4).all()
    assert (contours.trace_contour(square_mask(4, 4, 1)) == 4).all()


def test_only_the_largest_part_is_traced_and_holes_are_not():
    mask = disk(40, 50, 20) & ~disk(40, 50, 8) | disk(5, 5, 3)
    assert np.array_equal(contours.trace_contour(mask), contours.trace_contour(disk(40, 50, 20)))


def test_a_steady_shape_is_stable_wherever_it_goes_and_a_changing_one_is_not():
    assert cost(disk(30, 30, 15), disk(30, 45, 15)) == pytest.approx(0, abs=1e-9)
    small = cost(disk(40, 50, 15), disk(40, 50, 15) | disk(40, 63, 4))
    large = cost(disk(40, 50, 15), disk(40, 50, 15) | disk(40, 70, 8))
    assert 0 < small < large < 1


def test_outlines_that_are_far_apart_have_no_f_and_near_ones_that_of_the_whole_image():
    one = crop(square_mask(4, 4))
    assert contours.davis_f(one, crop(square_mask(4, 4)), *SHAPE) == 1
    assert contours.davis_f(one, crop(square_mask(14, 20)), *SHAPE) == 0
    edges = [boundaries.extract_davis_boundary(square_mask(4, left)) for left in (4, 9)]
    near = boundaries.boundary_f(boundaries.boundary_distances(*edges), 1)
    assert contours.davis_f(one, crop(square_mask(4, 9)), *SHAPE) == near > 0
