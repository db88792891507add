"""Contours and boundaries of two masks of a video."""

import numpy as np
import pytest

from samgap.masks import boundaries
from samgap.matching import contours
from tests.helpers.scenes import square_mask

IMAGE_SIZE = (24, 30)


def disk(row, column, radius, shape=(80, 100)):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - row, columns - column) <= radius


def make_crop(mask):
    return boundaries.Crop(mask, 0, 0)


def contour_cost(first, second):
    contexts = (contours.shape_context(contours.trace_contour(mask)) for mask in (first, second))
    return contours.contour_cost(*contexts)


def test_the_contour_of_a_disk_goes_once_around_it():
    points = contours.trace_contour(disk(40, 50, 20))
    assert points.shape == (100, 2)
    assert np.hypot(*(points - (40, 50)).T) == pytest.approx(20, abs=1)
    angle = np.unwrap(np.arctan2(*(points - (40, 50)).T))
    assert abs(angle[-1] - angle[0]) == pytest.approx(2 * np.pi * 0.99, abs=0.05)


def test_the_contour_of_a_line_follows_it_in_both_directions():
    line = np.zeros((9, 12), bool)
    line[4, 2:9] = True
    points = contours.trace_contour(line)
    assert points[:, 1].min() == 2 and points[:, 1].max() == pytest.approx(8, abs=0.13) and (points[:, 0] == 4).all()


def test_the_contour_of_a_pixel_is_the_pixel():
    assert (contours.trace_contour(square_mask(4, 4, 1)) == 4).all()


def test_only_the_outer_contour_of_the_largest_component_is_traced():
    mask = disk(40, 50, 20) & ~disk(40, 50, 8) | disk(5, 5, 3)
    assert np.array_equal(contours.trace_contour(mask), contours.trace_contour(disk(40, 50, 20)))


def test_the_cost_is_zero_for_a_moved_shape_and_grows_with_the_change_of_shape():
    assert contour_cost(disk(30, 30, 15), disk(30, 45, 15)) == pytest.approx(0, abs=1e-9)
    small = contour_cost(disk(40, 50, 15), disk(40, 50, 15) | disk(40, 63, 4))
    large = contour_cost(disk(40, 50, 15), disk(40, 50, 15) | disk(40, 70, 8))
    assert 0 < small < large < 1


def test_davis_f_of_crops_equals_that_of_whole_images():
    square = make_crop(square_mask(4, 4))
    assert contours.davis_f(square, square, *IMAGE_SIZE) == 1
    assert contours.davis_f(square, make_crop(square_mask(14, 20)), *IMAGE_SIZE) == 0
    edges = [boundaries.extract_davis_boundary(square_mask(4, left)) for left in (4, 9)]
    expected = boundaries.boundary_f(boundaries.compute_boundary_distances(*edges), 1)
    assert contours.davis_f(square, make_crop(square_mask(4, 9)), *IMAGE_SIZE) == expected > 0
