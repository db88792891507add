"""Run-length encoding, and overlap and boundary measures of pairs of masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from samgap.errors import UserError
from samgap.masks import boundaries
from samgap.masks import rle as masks
from tests.helpers.scenes import square_mask

random_masks = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def compute_measures(first, second, tolerance=2):
    rles = masks.encode(first), masks.encode(second)
    common, areas = masks.compute_intersections(rles[:1], rles[1:])[0, 0], masks.compute_areas(rles)
    distances = boundaries.compute_boundary_distances(
        boundaries.extract_boundary(first), boundaries.extract_boundary(second)
    )
    return (
        float(masks.iou(common, *areas)),
        float(masks.dice(common, *areas)),
        boundaries.boundary_f(distances, tolerance),
    )


@given(random_masks)
def test_decoding_restores_the_mask_and_a_mask_equals_itself(mask):
    rle = masks.encode(mask)
    assert np.array_equal(masks.decode(rle), mask)
    crop = masks.crop(rle)
    crop_mask, top, left = crop.mask, crop.top, crop.left
    restored = np.zeros_like(mask)
    restored[top : top + crop_mask.shape[0], left : left + crop_mask.shape[1]] = crop_mask
    assert np.array_equal(restored, mask) and (not crop_mask.size or (crop_mask[:, 0].any() and crop_mask[0].any()))
    assert compute_measures(mask, mask) == (1, 1, 1)


@given(random_masks, st.randoms(use_true_random=False))
def test_measures_are_symmetric_and_between_0_and_1(mask, random):
    second = np.array([random.random() < 0.5 for _ in range(mask.size)]).reshape(mask.shape)
    forward, backward = compute_measures(mask, second), compute_measures(second, mask)
    assert forward == pytest.approx(backward) and all(0 <= value <= 1 for value in forward)
    assert forward[0] <= forward[1]


@settings(max_examples=30)
@given(random_masks, st.integers(0, 4))
def test_larger_tolerance_never_lowers_boundary_f(mask, tolerance):
    second = np.roll(mask, 1, axis=0)
    assert compute_measures(mask, second, tolerance)[2] <= compute_measures(mask, second, tolerance + 1)[2]


def test_empty_masks():
    empty, full = np.zeros((5, 6), bool), np.ones((5, 6), bool)
    assert compute_measures(empty, empty) == (1, 1, 1)
    assert compute_measures(empty, full) == compute_measures(full, empty) == (0, 0, 0)


def test_one_pixel_masks():
    pixel, pixel_2px_away, pixel_3px_away = square_mask(4, 4, 1), square_mask(4, 6, 1), square_mask(6, 6, 1)
    assert compute_measures(pixel, pixel) == (1, 1, 1)
    assert compute_measures(pixel, pixel_2px_away) == (0, 0, 1)  # 2 px apart
    assert compute_measures(pixel, pixel_3px_away) == (0, 0, 0)  # 2.8 px apart


def test_touching_masks_share_no_pixel():
    left, right = square_mask(4, 4, 8), square_mask(4, 12, 8)
    iou, dice, boundary = compute_measures(left, right)
    assert (iou, dice) == (0, 0) and 0 < boundary < 1


def test_iou_and_dice_of_overlapping_squares():
    first, second = square_mask(4, 4, 4), square_mask(4, 6, 4)  # 8 common of 24
    assert compute_measures(first, second)[:2] == (pytest.approx(1 / 3), 0.5)


def test_empty_lists_of_masks():
    rle = masks.encode(square_mask(1, 1))
    assert masks.compute_intersections([], [rle]).shape == (0, 1) and masks.compute_intersections([rle], []).shape == (
        1,
        0,
    )
    assert masks.compute_areas([]).shape == (0,)


def test_box_is_cut_at_the_image():
    assert np.array_equal(
        masks.decode(masks.encode_box(-3, 2, 2.4, 99, 5, 6)), np.pad(np.ones((3, 2), bool), ((2, 0), (0, 4)))
    )
    assert masks.compute_areas([masks.encode_box(-9, -9, -2, -2, 5, 6)]).tolist() == [0]


# `le0n0F` decodes to the runs 700, 30 and −10, with the valid sum 720.
@pytest.mark.parametrize("counts", [b"", b"6", b"le0n0F", b"\xff\xff", masks.encode(square_mask(3, 3))["counts"][:-2]])
def test_counts_of_another_size_are_refused(counts):
    with pytest.raises(UserError, match="does not have 24×30 pixels"):
        masks.make_rle(counts, 24, 30)


def test_mask_of_a_larger_image_is_refused():
    with pytest.raises(UserError, match="another size"):
        masks.make_rle(masks.encode(np.ones((25, 30), bool))["counts"], 24, 30)


def test_many_masks_are_measured_in_one_call():
    rles = [masks.encode(square_mask(4 + number % 15, 5, 3)) for number in range(1000)]
    assert masks.compute_areas(rles).tolist() == [9] * 1000
    assert masks.compute_intersections(rles, rles[:1]).shape == (1000, 1)
    assert masks.compute_areas([]).shape == (0,)
