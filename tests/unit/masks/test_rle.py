import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from samgap.errors import UserError
from samgap.masks import boundaries
from samgap.masks import rle as masks
from tests.helpers.scenes import square_mask

bitmaps = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def measures(one, other, tolerance=2):
    rles = masks.encode(one), masks.encode(other)
    common, areas = masks.intersections(rles[:1], rles[1:])[0, 0], masks.areas(rles)
    apart = boundaries.boundary_distances(boundaries.extract_boundary(one), boundaries.extract_boundary(other))
    return (
        float(masks.iou(common, *areas)),
        float(masks.dice(common, *areas)),
        boundaries.boundary_f(apart, tolerance),
    )


@given(bitmaps)
def test_decoding_undoes_encoding_and_a_mask_agrees_with_itself(mask):
    rle = masks.encode(mask)
    assert np.array_equal(masks.decode(rle), mask)
    crop = masks.crop(rle)
    inside, top, left = crop.mask, crop.top, crop.left
    again = np.zeros_like(mask)
    again[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    assert np.array_equal(again, mask) and (not inside.size or (inside[:, 0].any() and inside[0].any()))
    assert measures(mask, mask) == (1, 1, 1)


@given(bitmaps, st.randoms(use_true_random=False))
def test_measures_are_symmetric_and_between_0_and_1(mask, random):
    other = np.array([random.random() < 0.5 for _ in range(mask.size)]).reshape(mask.shape)
    forth, back = measures(mask, other), measures(other, mask)
    assert forth == pytest.approx(back) and all(0 <= value <= 1 for value in forth)
    assert forth[0] <= forth[1]


@settings(max_examples=30)
@given(bitmaps, st.integers(0, 4))
def test_a_wider_tolerance_never_lowers_boundary_f(mask, tolerance):
    other = np.roll(mask, 1, axis=0)
    assert measures(mask, other, tolerance)[2] <= measures(mask, other, tolerance + 1)[2]


def test_empty_masks():
    empty, full = np.zeros((5, 6), bool), np.ones((5, 6), bool)
    assert measures(empty, empty) == (1, 1, 1)
    assert measures(empty, full) == measures(full, empty) == (0, 0, 0)


def test_one_pixel_masks():
    here, near, far = square_mask(4, 4, 1), square_mask(4, 6, 1), square_mask(6, 6, 1)
    assert measures(here, here) == (1, 1, 1)
    assert measures(here, near) == (0, 0, 1)  # 2 px apart
    assert measures(here, far) == (0, 0, 0)  # 2.8 px apart


def test_touching_masks_share_no_pixel():
    left, right = square_mask(4, 4, 8), square_mask(4, 12, 8)
    iou, dice, boundary = measures(left, right)
    assert (iou, dice) == (0, 0) and 0 < boundary < 1


def test_known_values():
    one, other = square_mask(4, 4, 4), square_mask(4, 6, 4)  # 8 common of 24
    assert measures(one, other)[:2] == (pytest.approx(1 / 3), 0.5)


def test_the_edge_of_the_image_is_boundary():
    mask = np.ones((5, 6), bool)
    inner = np.zeros((5, 6), bool)
    inner[1:-1, 1:-1] = True
    assert np.array_equal(boundaries.extract_boundary(mask), mask & ~inner)


def test_a_diagonal_neighbour_does_not_keep_a_pixel_off_the_boundary():
    mask = np.ones((3, 3), bool)
    mask[0, 0] = False
    assert not boundaries.extract_boundary(mask)[1, 1]
    mask[0, 1] = False
    assert boundaries.extract_boundary(mask)[1, 1]


def test_nothing_against_nothing():
    rle = masks.encode(square_mask(1, 1))
    assert masks.intersections([], [rle]).shape == (0, 1) and masks.intersections([rle], []).shape == (1, 0)
    assert masks.areas([]).shape == (0,)


def test_a_box_is_cut_at_the_image():
    assert np.array_equal(
        masks.decode(masks.encode_box(-3, 2, 2.4, 99, 5, 6)), np.pad(np.ones((3, 2), bool), ((2, 0), (0, 4)))
    )
    assert masks.areas([masks.encode_box(-9, -9, -2, -2, 5, 6)]).tolist() == [0]


# `le0n0F` is 700, 30 and −10 pixels: 720 in all.
@pytest.mark.parametrize("counts", [b"", b"6", b"le0n0F", b"\xff\xff", masks.encode(square_mask(3, 3))["counts"][:-2]])
def test_counts_of_another_size_are_refused(counts):
    with pytest.raises(UserError, match="does not hold 24×30 pixels"):
        masks.make_rle(counts, 24, 30)


def test_the_mask_of_a_larger_image_is_refused():
    with pytest.raises(UserError, match="another size"):
        masks.make_rle(masks.encode(np.ones((25, 30), bool))["counts"], 24, 30)


def test_a_thousand_masks_are_measured_at_once():
    rles = [masks.encode(square_mask(4 + number % 15, 5, 3)) for number in range(1000)]
    assert masks.areas(rles).tolist() == [9] * 1000
    assert masks.intersections(rles, rles[:1]).shape == (1000, 1)
    assert masks.areas([]).shape == (0,)
