"""Spatial prompts for arbitrary masks: where boxes, points and masks are, and that images do not affect each other."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from samgap.annotations.ground_truth import GroundTruth
from samgap.masks import rle
from samgap.masks.clicks import find_next_click
from samgap.prompts import box, clicks, grid, mask, point, point_box
from samgap.prompts.points import crop_nearby_background, find_inner_boundary
from samgap.prompts.seed import Seed

from .conftest import make_instance, make_truth

SEED = Seed(42, "orchard")


@st.composite
def blobs(draw):
    """Generate masks from 1 px to all pixels of a small image, with one component or more."""
    height, width = draw(st.integers(2, 18)), draw(st.integers(2, 18))
    bits = draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    noise = np.array(bits, bool).reshape(height, width)
    blob = ndimage.binary_dilation(noise, iterations=draw(st.integers(0, 2)))
    blob[draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))] = True
    return blob


def to_pixel(coordinates):
    """Return (row, column) of a point, which must be the centre of a pixel."""
    assert (coordinates["x"] % 1, coordinates["y"] % 1) == (0.5, 0.5)
    return int(coordinates["y"]), int(coordinates["x"])


@settings(max_examples=60, deadline=None)
@given(blobs(), st.sampled_from(["centre", "random", "boundary"]), st.integers(1, 5), st.integers(0, 3))
def test_points_are_on_the_object_and_negative_points_near_it(blob, place, n_points, n_negatives):
    truth = make_truth([blob])
    options = {"points": n_points, "place": place, "negatives": n_negatives}
    rows = list(point.generate_prompts(truth, options, SEED))
    crop = rle.crop(truth.instances_of(1)[0].rle)
    background, top, left = crop_nearby_background(crop, *blob.shape)
    window = blob[top : top + background.shape[0], left : left + background.shape[1]]
    assert background.any() == (not window.all())
    if n_negatives and not background.any():
        assert rows == []
        return
    points = rows[0]["points"]
    assert [entry["label"] for entry in points] == [1] * n_points + [0] * n_negatives
    positives, negatives = (
        [to_pixel(entry) for entry in points[:n_points]],
        [to_pixel(entry) for entry in points[n_points:]],
    )
    candidates = find_inner_boundary(blob) if place == "boundary" else blob
    assert all(candidates[pixel] for pixel in positives)
    assert len(set(positives)) == min(n_points, candidates.sum())  # they repeat only if there are too few pixels
    assert not any(blob[pixel] for pixel in negatives)
    x0, y0, x1, y1 = truth.instances_of(1)[0].box
    x_margin, y_margin = max(0.5 * (x1 - x0), 2) + 0.5, max(0.5 * (y1 - y0), 2) + 0.5
    for row, column in negatives:
        assert x0 - x_margin <= column + 0.5 <= x1 + x_margin and y0 - y_margin <= row + 0.5 <= y1 + y_margin


@settings(max_examples=40, deadline=None)
@given(blobs())
def test_the_centre_is_a_deepest_pixel(blob):
    ((centre,),) = [row["points"] for row in point.generate_prompts(make_truth([blob]), {}, SEED)]
    depth = ndimage.distance_transform_edt(np.pad(blob, 1))[1:-1, 1:-1]
    assert depth[to_pixel(centre)] == depth.max()


def test_further_centres_are_far_from_the_first():
    rectangle = np.zeros((11, 31), bool)
    rectangle[1:10, 1:30] = True
    (row,) = point.generate_prompts(make_truth([rectangle]), {"points": 3}, SEED)
    columns = sorted(entry["x"] for entry in row["points"])
    assert min(np.diff(columns)) >= 5  # the distance of the first from the edge


def test_the_edge_of_the_image_is_boundary():
    full = np.ones((5, 5), bool)
    assert find_inner_boundary(full).sum() == 16 and not find_inner_boundary(full)[1:4, 1:4].any()


def test_every_instance_but_the_ignored_has_its_box(truth, seed):
    rows = list(box.generate_prompts(truth, {}, seed))
    assert [row["truth_ids"] for row in rows] == [[10], [11], [13]]
    assert rows[1]["boxes"] == [{"x0": 25, "y0": 15, "x1": 30, "y1": 20, "label": 1}]


@settings(max_examples=60, deadline=None)
@given(blobs(), st.floats(0.01, 2))
def test_a_jittered_box_is_inside_the_image_and_no_edge_moves_by_half_a_side(blob, jitter):
    truth = make_truth([blob])
    x0, y0, x1, y1 = truth.instances_of(1)[0].box
    ((jittered,),) = [row["boxes"] for row in box.generate_prompts(truth, {"jitter": jitter}, SEED)]
    assert 0 <= jittered["x0"] < jittered["x1"] <= blob.shape[1]
    assert 0 <= jittered["y0"] < jittered["y1"] <= blob.shape[0]
    assert max(abs(jittered["x0"] - x0), abs(jittered["x1"] - x1)) < 0.5 * (x1 - x0)
    assert max(abs(jittered["y0"] - y0), abs(jittered["y1"] - y1)) < 0.5 * (y1 - y0)


@pytest.fixture(scope="module")
def many_apples():
    """300 apples of 20 x 10 px, far from the edge of their image."""
    masks = np.zeros((300, 60, 60), bool)
    masks[:, 20:30, 20:40] = True
    return make_truth(list(masks))


@pytest.mark.parametrize("jitter", [0.05, 0.1, 0.2])
def test_jitter_is_the_standard_deviation_as_a_fraction_of_the_side(many_apples, jitter):
    boxes = [row["boxes"][0] for row in box.generate_prompts(many_apples, {"jitter": jitter}, SEED)]
    for edge, tight, side in (("x0", 20, 20), ("x1", 40, 20), ("y0", 20, 10), ("y1", 30, 10)):
        shifts = np.array([jittered[edge] - tight for jittered in boxes]) / side
        assert abs(shifts.std() - jitter) < 0.15 * jitter
        assert abs(shifts.mean()) < 0.2 * jitter


def test_a_larger_jitter_moves_edges_in_the_same_direction(many_apples):
    small, large = (
        np.array([row["boxes"][0]["x0"] for row in box.generate_prompts(many_apples, {"jitter": jitter}, SEED)]) - 20
        for jitter in (0.05, 0.1)
    )
    np.testing.assert_allclose(large, 2 * small)


def test_more_random_points_start_with_the_same_point(many_apples):
    one_point, five_points = (
        [row["points"] for row in point.generate_prompts(many_apples, {"place": "random", "points": number}, SEED)]
        for number in (1, 5)
    )
    assert [points[:1] for points in five_points] == one_point


def test_negative_points_do_not_depend_on_the_positive_ones(many_apples):
    negatives = [
        [
            [entry for entry in row["points"] if not entry["label"]]
            for row in point.generate_prompts(many_apples, {"place": place, "points": number, "negatives": 2}, SEED)
        ]
        for number, place in ((1, "centre"), (5, "random"))
    ]
    assert negatives[0] == negatives[1]


def test_point_box_has_the_points_and_the_box_of_both_kinds(truth, seed):
    options = {"jitter": 0.1, "points": 3, "place": "boundary", "negatives": 1}
    rows = list(point_box.generate_prompts(truth, options, seed))
    assert [row["points"] for row in rows] == [row["points"] for row in point.generate_prompts(truth, options, seed)]
    assert [row["boxes"] for row in rows] == [row["boxes"] for row in box.generate_prompts(truth, options, seed)]
    assert {row["kind"] for row in rows} == {"point-box"}


@settings(max_examples=60, deadline=None)
@given(blobs(), st.floats(0.05, 0.95))
def test_coarse_masks_are_not_empty_and_shrink_or_grow_by_their_amount(blob, amount):
    coarse = {}
    for method in ("eroded", "dilated", "blocky"):
        (row,) = mask.generate_prompts(make_truth([blob]), {"coarse": method, "amount": amount}, SEED)
        coarse[method] = rle.decode(rle.make_rle(row["mask"], *blob.shape))
        assert coarse[method].any() and coarse[method].shape == blob.shape
        assert row["kind"] == "mask" and row["truth_ids"] == [10]
    radius = ndimage.distance_transform_edt(np.pad(blob, 1)).max()
    assert not (coarse["eroded"] & ~blob).any() and not (blob & ~coarse["dilated"]).any()
    np.testing.assert_array_equal(coarse["dilated"], ndimage.distance_transform_edt(~blob) <= amount * radius)


def test_a_blocky_mask_consists_of_whole_blocks():
    disk = ((np.mgrid[:60, :60] - 30) ** 2).sum(axis=0) <= 20**2
    (row,) = mask.generate_prompts(make_truth([disk]), {"coarse": "blocky", "amount": 0.2}, SEED)
    blocky = rle.decode(rle.make_rle(row["mask"], 60, 60))
    run_lengths = np.diff(np.flatnonzero(np.diff(np.pad(blocky, 1).astype(int), axis=1)) % 61)
    assert set(run_lengths[::2] % 8) == {0}  # 2 * 0.2 * radius
    assert 0.75 < (blocky & disk).sum() / (blocky | disk).sum() < 1


def test_a_mask_prompt_has_points_only_if_the_option_says_so(truth, seed):
    rows = list(mask.generate_prompts(truth, {"coarse": "eroded", "points": 2}, seed))
    assert all(len(row["points"]) == 2 for row in rows)
    assert "points" not in next(iter(mask.generate_prompts(truth, {"coarse": "eroded"}, seed)))


def test_the_grid_has_one_row_per_image_with_or_without_instances(truth, seed):
    rows = list(grid.generate_prompts(truth, {"side": 3, "nouns": ["apple"]}, seed))
    assert [row["truth_ids"] for row in rows] == [[10, 11], []]
    points = [(entry["x"], entry["y"]) for entry in rows[1]["points"]]
    assert points[:4] == [(5, 20 / 6), (15, 20 / 6), (25, 20 / 6), (5, 10)]
    with_defaults = next(iter(grid.generate_prompts(truth, {}, seed)))
    assert with_defaults["truth_ids"] == [10, 11, 13] and len(with_defaults["points"]) == 32 * 32


def test_clicks_start_at_the_centre_and_state_their_maximum_number(truth, seed):
    rows = list(clicks.generate_prompts(truth, {"clicks": 7}, seed))
    assert [row["points"] for row in rows] == [row["points"] for row in point.generate_prompts(truth, {}, seed)]
    assert [row["clicks"] for row in rows] == [7, 7, 7]
    for row in rows:
        instance = next(item for item in truth.instances_of(1) if item.id == row["truth_ids"][0])
        assert row["points"] == [find_next_click(instance.decode_mask(), np.zeros((20, 30), bool))]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (box, {"jitter": 0.2}),
        (point, {"place": "random", "points": 3, "negatives": 2}),
        (point, {"place": "boundary"}),
        (mask, {"coarse": "blocky"}),
        (clicks, {}),
    ],
)
def test_prompts_do_not_depend_on_other_images_but_on_the_seed(truth, seed, kind, options):
    def generate(truth, seed):
        names = {image_id: image["file_name"] for image_id, image in truth.images.items()}
        rows = kind.generate_prompts(truth, options, seed)
        return [{**row, "image_id": names[row["image_id"]], "truth_ids": None} for row in rows]

    prompts = generate(truth, seed)
    assert prompts == generate(truth, seed)
    # A new first image changes the ids of all images and instances.
    images = {1: {**truth.images[1], "file_name": "0.png"}, 2: truth.images[1]}
    new_instances = [make_instance(10, 1, item.decode_mask()) for item in truth.instances_of(1)]
    renumbered = [replace(item, id=item.id + 5, image_id=2) for item in truth.instances_of(1)]
    larger = GroundTruth(images, {1: new_instances, 2: renumbered}, truth.nouns, truth.attributes)
    assert [row for row in generate(larger, seed) if row["image_id"] == "1.png"] == prompts
    if kind in (box, point):
        assert generate(truth, Seed(43, "orchard")) != prompts
        assert generate(truth, Seed(42, "other")) != prompts


@pytest.mark.parametrize(
    ("kind", "options"), [(point, {}), (point_box, {}), (mask, {"coarse": "eroded"}), (clicks, {})]
)
def test_instances_without_a_mask_get_no_prompt_and_one_warning(truth, seed, caplog, kind, options):
    instances = [replace(item, rle=None) for item in truth.instances_of(1)]
    boxes_only = GroundTruth(truth.images, {1: instances}, truth.nouns, truth.attributes)
    with caplog.at_level("WARNING", logger="samgap"):
        assert list(kind.generate_prompts(boxes_only, options, seed)) == []
    (line,) = caplog.messages
    assert line.startswith("3 instances get no prompt") and "instance 10 of image 1.png" in line
    assert len(list(box.generate_prompts(boxes_only, {}, seed))) == 3
