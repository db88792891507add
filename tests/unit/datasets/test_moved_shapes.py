"""Masks and boxes of instances after a transform."""

import numpy as np
import pytest

from samgap.annotations.ground_truth import Instance
from samgap.datasets.image_transforms import Transform, make_transform
from samgap.datasets.moved_shapes import move_shape
from samgap.errors import UserError
from samgap.masks import rle

SIZE = (100, 80)
FLIP = make_transform("flip", {}, SIZE, np.random.default_rng(0))
ROTATION = make_transform("affine", {"degrees": 20}, SIZE, np.random.default_rng(0))


def make_instance(box=(10, 20, 30, 40), has_mask=True, ignore=False):
    x0, y0, x1, y1 = box
    mask = np.zeros((80, 100), bool)
    mask[y0:y1, x0:x1] = True
    return Instance(1, 1, "apple", box, int(mask.sum()), rle.encode(mask) if has_mask else None, ignore=ignore)


def shift(left):
    return Transform((1.0, 0.0, float(left), 0.0, 1.0, 0.0))


def test_a_mask_moves_with_the_pixels_and_a_box_stays_a_box():
    shape = move_shape(make_instance(), FLIP, SIZE, 0.2, "a")
    assert shape.box is None and not shape.is_rest
    assert shape.mask[20:40, 70:90].all() and shape.mask.sum() == 400
    assert move_shape(make_instance(has_mask=False), FLIP, SIZE, 0.2, "a").box == (70, 20, 90, 40)


@pytest.mark.parametrize("has_mask", [True, False])
@pytest.mark.parametrize(("left", "is_rest"), [(0, False), (20, False), (25, False), (27, True)])
def test_a_cut_instance_is_a_rest_below_the_limit(has_mask, left, is_rest):
    shape = move_shape(make_instance(has_mask=has_mask), shift(left), SIZE, 0.2, "a")
    assert shape.is_rest == is_rest
    assert move_shape(make_instance(has_mask=has_mask), shift(30), SIZE, 0.2, "a") is None


def test_the_box_of_a_rotated_object_is_an_error_unless_it_is_ignored():
    with pytest.raises(UserError, match=r"a\.jpg, instance 1: has only a box, .*leave `affine` out"):
        move_shape(make_instance(has_mask=False), ROTATION, SIZE, 0.2, "a.jpg, instance 1")
    assert move_shape(make_instance(has_mask=False, ignore=True), ROTATION, SIZE, 0.2, "a").box is not None
