"""Augmented images with their labels."""

import numpy as np
import pytest
from PIL import Image

from samgap.annotations.ground_truth import read_ground_truth
from samgap.errors import UserError
from samgap.training.augmentation import sample_augmentation
from tests.helpers.training_data import write_apples

SIZE = (80, 80)
FLIP = [{"transform": {"flip": {}}}]


def sample(steps, seed=0):
    return sample_augmentation(steps, SIZE, np.random.default_rng(seed))


def test_pixels_and_masks_move_alike(tmp_path):
    source = write_apples(tmp_path)
    truth = read_ground_truth(source.ground_truth_path)
    steps = [*FLIP, {"transform": {"affine": {"degrees": 20, "shear": 5}}}]
    for seed in range(4):
        augmentation = sample(steps, seed)
        pixels = np.asarray(augmentation.apply_to_image(Image.open(tmp_path / "a.png").convert("RGB")), int)
        moved = augmentation.apply_to_ground_truth(truth, 1).instances_of(1)
        is_red = (pixels[..., 0] > 128) & (pixels[..., 1] < 64)
        labelled = np.logical_or.reduce([instance.decode_mask() for instance in moved])
        assert (is_red & labelled).sum() / (is_red | labelled).sum() > 0.9
        for instance in moved:
            rows, columns = np.nonzero(instance.decode_mask())
            assert instance.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert instance.area == len(rows)


def test_a_step_is_applied_with_its_probability():
    box = (0.0, 0.0, 10.0, 10.0)
    steps = [{"probability": 0.25, "transform": {"flip": {}}}]
    flipped = [sample(steps, seed).transform.apply_to_box(box) != box for seed in range(400)]
    assert 0.19 < np.mean(flipped) < 0.31


def test_attributes_that_a_step_changes_are_unknown(tmp_path):
    truth = read_ground_truth(write_apples(tmp_path).ground_truth_path)
    scale = {"low": 0.9, "high": 0.9}
    for options, attributes in ((scale, {}), ({**scale, "changes": []}, {"size": "large"})):
        moved = sample([{"transform": {"scale": options}}]).apply_to_ground_truth(truth, 1).instances_of(1)
        assert [instance.attributes for instance in moved] == [attributes] * 2
        assert all(instance.unknown_attributes == frozenset({"size"} - attributes.keys()) for instance in moved)


def test_boxes_are_mirrored_and_not_rotated(tmp_path):
    truth = read_ground_truth(write_apples(tmp_path, boxes_only=True).ground_truth_path)
    moved = sample(FLIP).apply_to_ground_truth(truth, 1).instances_of(1)
    assert [instance.box for instance in moved] == [(50, 20, 70, 40), (10, 50, 30, 75)]
    with pytest.raises(UserError, match=r"a\.png, instance 1: has only a box"):
        sample([{"transform": {"affine": {"degrees": 20}}}]).apply_to_ground_truth(truth, 1)


def test_an_instance_that_is_cut_off_is_ignored_or_missing(tmp_path):
    source = write_apples(tmp_path, boxes=[(0, 0, 20, 20), (40, 40, 44, 44)])
    truth = read_ground_truth(source.ground_truth_path)
    enlarged = sample([{"transform": {"scale": {"low": 4, "high": 4}}}]).apply_to_ground_truth(truth, 1)
    assert [instance.id for instance in enlarged.instances_of(1)] == [2]
