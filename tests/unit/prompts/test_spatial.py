"""Spatial prompts: where boxes, points and masks lie for any mask, and that no other image moves them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from samgap.annotations.ground_truth import GroundTruth
from samgap.masks import rle as shapes
from samgap.masks.clicks import next_click
from samgap.prompts import box, clicks, grid, mask, point, point_box
from samgap.prompts.points import crop_nearby_background, inner_boundary
from samgap.prompts.seed import Seed

from .conftest import instance, world

SEED = Seed(42, "orchard")


@st.composite
def blobs(draw):
    """A mask of 1 px up to the whole of a small image, in one piece or several."""
    height, width = draw(st.integers(2, 18)), draw(st.integers(2, 18))
    bits = draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    rough = np.array(bits, bool).reshape(height, width)
    grown = ndimage.binary_dilation(rough, iterations=draw(st.integers(0, 2)))
    grown[draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))] = True
    return grown


def at(found):
    """(row, column) of a point, which must be the middle of a pixel."""
    assert (found["x"] % 1, found["y"] % 1) == (0.5, 0.5)
    return int(found["y"]), int(found["x"])


@settings(max_examples=60, deadline=None)
@given(blobs(), st.sampled_from(["centre", "random", "boundary"]), st.integers(1, 5), st.integers(0, 3))
def test_points_lie_on_the_object_and_negative_ones_near_it_but_off(blob, place, number, negatives):
    options = {"points": number, "place": place, "negatives": negatives}
    truth = world([blob])
    rows = list(point.generate_prompts(truth, options, SEED))
    crop = shapes.crop(truth.instances_of(1)[0].rle)
    near, top, left = crop_nearby_background(crop, *blob.shape)
    assert near.any() == (not blob[top : top + near.shape[0], left : left + near.shape[1]].all())
    if negatives and not near.any():
        assert rows == []
        return
    labels = [each["label"] for each in rows[0]["points"]]
    assert labels == [1] * number + [0] * negatives
    on, off = [at(each) for each in rows[0]["points"][:number]], [at(each) for each in rows[0]["points"][number:]]
    among = inner_boundary(blob) if place == "boundary" else blob
    assert all(among[pixel] for pixel in on)
    assert len(set(on)) == min(number, among.sum())  # they repeat only where there are too few pixels
    assert not any(blob[pixel] for pixel in off)
    x0, y0, x1, y1 = truth.instances_of(1)[0].box
    for row, column in off:
        reach_x, reach_y = max(0.5 * (x1 - x0), 2) + 0.5, max(0.5 * (y1 - y0), 2) + 0.5
        assert x0 - reach_x <= column + 0.5 <= x1 + reach_x and y0 - reach_y <= row + 0.5 <= y1 + reach_y


@settings(max_examples=40, deadline=None)
@given(blobs())
def test_the_centre_is_as_deep_as_any_pixel(blob):
    ((asked,),) = [row["points"] for row in point.generate_prompts(world([blob]), {}, SEED)]
    depth = ndimage.distance_transform_edt(np.pad(blob, 1))[1:-1, 1:-1]
    assert depth[at(asked)] == depth.max()


def test_a_second_centre_keeps_away_from_the_first():
    blob = np.zeros((11, 31), bool)
    blob[1:10, 1:30] = True
    (row,) = point.generate_prompts(world([blob]), {"points": 3}, SEED)
    columns = sorted(each["x"] for each in row["points"])
    assert min(np.diff(columns)) >= 5  # as far as the first is from the edge


def test_a_boundary_point_touches_the_outside_and_the_images_edge_is_outside():
    full = np.ones((5, 5), bool)
    assert inner_boundary(full).sum() == 16 and not inner_boundary(full)[1:4, 1:4].any()


@settings(max_examples=60, deadline=None)
@given(blobs(), st.floats(0.01, 2))
def test_a_jittered_box_has_an_area_lies_in_the_image_and_its_edges_move_by_less_than_half(blob, jitter):
    truth = world([blob])
    x0, y0, x1, y1 = truth.instances_of(1)[0].box
    ((found,),) = [row["boxes"] for row in box.generate_prompts(truth, {"jitter": jitter}, SEED)]
    assert 0 <= found["x0"] < found["x1"] <= blob.shape[1] and 0 <= found["y0"] < found["y1"] <= blob.shape[0]
    assert max(abs(found["x0"] - x0), abs(found["x1"] - x1)) < 0.5 * (x1 - x0)
    assert max(abs(found["y0"] - y0), abs(found["y1"] - y1)) < 0.5 * (y1 - y0)


def many():
    """300 apples of 20 x 10 px, far from the edge of their image."""
    masks = np.zeros((300, 60, 60), bool)
    masks[:, 20:30, 20:40] = True
    return world(list(masks))


@pytest.mark.parametrize("jitter", [0.05, 0.1, 0.2])
def test_jitter_is_the_standard_deviation_in_shares_of_a_side(jitter):
    rows = [row["boxes"][0] for row in box.generate_prompts(many(), {"jitter": jitter}, SEED)]
    for edge, tight, side in (("x0", 20, 20), ("x1", 40, 20), ("y0", 20, 10), ("y1", 30, 10)):
        moved = np.array([row[edge] - tight for row in rows]) / side
        assert abs(moved.std() - jitter) < 0.15 * jitter
        assert abs(moved.mean()) < 0.2 * jitter


def test_a_larger_jitter_moves_the_same_way_and_a_longer_list_begins_the_same():
    small, large = (
        np.array([row["boxes"][0]["x0"] for row in box.generate_prompts(many(), {"jitter": jitter}, SEED)]) - 20
        for jitter in (0.05, 0.1)
    )
    np.testing.assert_allclose(large, 2 * small)
    one, five = (
        [row["points"] for row in point.generate_prompts(many(), {"place": "random", "points": number}, SEED)]
        for number in (1, 5)
    )
    assert [points[:1] for points in five] == one


def test_negative_points_hold_whatever_the_positive_ones_are():
    found = {
        (number, place): [
            [each for each in row["points"] if not each["label"]]
            for row in point.generate_prompts(many(), {"place": place, "points": number, "negatives": 2}, SEED)
        ]
        for number, place in ((1, "centre"), (5, "random"))
    }
    assert found[1, "centre"] == found[5, "random"]


def test_point_box_is_both(truth, seed):
    options = {"jitter": 0.1, "points": 3, "place": "boundary", "negatives": 1}
    both = list(point_box.generate_prompts(truth, options, seed))
    assert [row["points"] for row in both] == [row["points"] for row in point.generate_prompts(truth, options, seed)]
    assert [row["boxes"] for row in both] == [row["boxes"] for row in box.generate_prompts(truth, options, seed)]
    assert {row["kind"] for row in both} == {"point-box"}


@settings(max_examples=60, deadline=None)
@given(blobs(), st.floats(0.05, 0.95))
def test_coarse_masks_are_what_they_say_and_never_empty(blob, amount):
    found = {}
    for how in ("eroded", "dilated", "blocky"):
        (row,) = mask.generate_prompts(world([blob]), {"coarse": how, "amount": amount}, SEED)
        found[how] = shapes.decode(shapes.make_rle(row["mask"], *blob.shape))
        assert found[how].any() and found[how].shape == blob.shape
        assert row["kind"] == "mask" and row["truth_ids"] == [10]
    radius = ndimage.distance_transform_edt(np.pad(blob, 1)).max()
    assert not (found["eroded"] & ~blob).any() and not (blob & ~found["dilated"]).any()
    np.testing.assert_array_equal(found["dilated"], ndimage.distance_transform_edt(~blob) <= amount * radius)


def test_a_blocky_mask_consists_of_whole_blocks():
    blob = np.zeros((60, 60), bool)
    blob[((np.mgrid[:60, :60] - 30) ** 2).sum(axis=0) <= 20**2] = True
    (row,) = mask.generate_prompts(world([blob]), {"coarse": "blocky", "amount": 0.2}, SEED)
    found = shapes.decode(shapes.make_rle(row["mask"], 60, 60))
    runs = np.diff(np.flatnonzero(np.diff(np.pad(found, 1).astype(int), axis=1)) % 61)
    assert set(runs[::2] % 8) == {0}  # 2 * 0.2 * the radius
    assert 0.75 < (found & blob).sum() / (found | blob).sum() < 1


def test_a_mask_may_have_points_beside_it(truth, seed):
    rows = list(mask.generate_prompts(truth, {"coarse": "eroded", "points": 2}, seed))
    assert all(len(row["points"]) == 2 for row in rows)
    assert "points" not in next(iter(mask.generate_prompts(truth, {"coarse": "eroded"}, seed)))


def test_the_grid_asks_the_image_once_and_needs_no_object(truth, seed):
    rows = list(grid.generate_prompts(truth, {"side": 3, "nouns": ["apple"]}, seed))
    assert [row["truth_ids"] for row in rows] == [[10, 11], []]
    assert [(each["x"], each["y"]) for each in rows[1]["points"]][:4] == [
        (5, 20 / 6),
        (15, 20 / 6),
        (25, 20 / 6),
        (5, 10),
    ]
    assert next(iter(grid.generate_prompts(truth, {}, seed)))["truth_ids"] == [10, 11, 13]
    assert len(next(iter(grid.generate_prompts(truth, {}, seed)))["points"]) == 32 * 32


def test_clicks_begin_at_the_centre_and_say_how_many_there_may_be(truth, seed):
    rows = list(clicks.generate_prompts(truth, {"clicks": 7}, seed))
    assert [row["points"] for row in rows] == [row["points"] for row in point.generate_prompts(truth, {}, seed)]
    assert [row["clicks"] for row in rows] == [7, 7, 7]
    for row in rows:
        item = next(one for one in truth.instances_of(1) if one.id == row["truth_ids"][0])
        assert row["points"] == [next_click(item.decode_mask(), np.zeros((20, 30), bool))]


RANDOM = [
    (box, {"jitter": 0.2}),
    (point, {"place": "random", "points": 3, "negatives": 2}),
    (point, {"place": "boundary"}),
    (mask, {"coarse": "blocky"}),
    (clicks, {}),
]


@pytest.mark.parametrize(("kind", "options"), RANDOM)
def test_another_image_changes_no_other_images_prompts_and_the_seed_changes_them(truth, seed, kind, options):
    def asked(truth, seed):
        rows = list(kind.generate_prompts(truth, options, seed))
        names = {image: truth.images[image]["file_name"] for image in truth.images}
        return [{**row, "image_id": names[row["image_id"]], "truth_ids": None} for row in rows]

    before = asked(truth, seed)
    assert before == asked(truth, seed)
    # An image that comes first moves all ids.
    images = {1: {**truth.images[1], "file_name": "0.png"}, 2: truth.images[1]}
    moved = [replace(item, id=item.id + 5, image_id=2) for item in truth.instances_of(1)]
    first = [instance(10, 1, item.decode_mask()) for item in truth.instances_of(1)]
    more = GroundTruth(images, {1: first, 2: moved}, truth.nouns, truth.attributes)
    assert [row for row in asked(more, seed) if row["image_id"] == "1.png"] == before
    if kind in (box, point):
        assert asked(truth, Seed(43, "orchard")) != before
        assert asked(truth, Seed(42, "other")) != before


def test_what_gets_no_prompt_is_named_in_one_line(truth, seed, caplog):
    boxed = GroundTruth(
        truth.images, {1: [replace(item, rle=None) for item in truth.instances_of(1)]}, truth.nouns, truth.attributes
    )
    for kind, options in ((point, {}), (point_box, {}), (mask, {"coarse": "eroded"}), (clicks, {})):
        caplog.clear()
        with caplog.at_level("WARNING", logger="samgap"):
            assert list(kind.generate_prompts(boxed, options, seed)) == []
        (line,) = caplog.messages
        assert line.startswith("3 instances get no prompt") and "instance 10 of image 1.png" in line
    assert len(list(box.generate_prompts(boxed, {}, seed))) == 3
