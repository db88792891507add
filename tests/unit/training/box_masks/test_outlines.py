"""Outlines in boxes: the distance from a box's centre, the ellipse at the edges, and the apple in front."""

import numpy as np
import pytest

from samgap.training.box_masks.outlines import compute_normalised_radius, estimate_depth_order, fit_ellipse

SIDE = 120


def draw_discs(*discs):
    """Return the gradients, down and across, of discs (x, y, radius, value) drawn one over the other on black."""
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    pixels = np.zeros((SIDE, SIDE, 3))
    for x, y, radius, value in discs:
        pixels[(columns - x) ** 2 + (rows - y) ** 2 < radius**2] = value
    return np.gradient(pixels, axis=(0, 1))


def make_box(x, y, radius):
    return np.array([x - radius, y - radius, x + radius, y + radius], float)


def test_the_radius_is_one_at_the_sides_of_the_box_and_larger_in_its_corners():
    radius = compute_normalised_radius((41, 61), np.array([10.5, 5.5, 50.5, 35.5]))
    assert radius.shape == (41, 61) and radius[20, 30] == 0  # the centre of the box is that of this pixel
    assert [radius[20, 10], radius[20, 50], radius[5, 30], radius[35, 30]] == pytest.approx([1] * 4)
    assert radius[5, 10] == pytest.approx(2 ** (1 / 2.2))


def test_the_ellipse_of_a_loose_box_is_at_the_edge_of_the_disc():
    gradients = draw_discs((58, 62, 24, 100))
    # Each side of the box is at most 4 px from the disc's; a fitted side is within half a step of the candidates.
    assert np.abs(fit_ellipse(gradients, np.array([34, 38, 86, 90], float)) - make_box(58, 62, 24)).max() <= 2


def test_a_box_without_edges_is_kept():
    box = np.array([40, 40, 80, 80], float)
    assert fit_ellipse(draw_discs(), box) == pytest.approx(box)


def test_the_apple_whose_outline_is_visible_in_the_overlap_is_in_front():
    left, right = make_box(48, 60, 24), make_box(78, 60, 24)
    gradients = draw_discs((78, 60, 24, 50), (48, 60, 24, 150))  # the left one is drawn last
    assert estimate_depth_order(gradients, left, right) == 1
    assert estimate_depth_order(gradients, right, left) == -1
    assert estimate_depth_order(draw_discs(), left, right) == 0


def test_apples_that_do_not_overlap_have_no_order():
    gradients = draw_discs((30, 60, 20, 150), (90, 60, 20, 150))
    assert estimate_depth_order(gradients, make_box(30, 60, 20), make_box(90, 60, 20)) == 0
