"""Jittered boxes, and what all spatial prompts have in common: they do not depend on other images."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts import box, clicks, mask, point, point_box
from samgap.prompts.seed import Seed
from tests.helpers.blobs import SEED, blobs

from .conftest import make_instance, make_truth


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
