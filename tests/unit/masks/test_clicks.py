"""The click that corrects a prediction."""

import numpy as np
import pytest

from samgap.masks.clicks import distance_transform, find_next_click
from tests.helpers.scenes import square_mask

EMPTY = np.zeros((24, 30), bool)


def test_the_distance_is_to_the_nearest_pixel_outside_the_mask_or_the_array():
    full = np.ones((5, 5), bool)
    assert distance_transform(full)[2].tolist() == [1, 2, 3, 2, 1]
    assert not distance_transform(EMPTY).any()


@pytest.mark.parametrize("top_left", [(0, 0), (8, 11), (19, 25)])
def test_the_first_click_is_the_centre_of_the_object(top_left):
    click = find_next_click(square_mask(*top_left, 5), EMPTY)
    assert click == {"x": top_left[1] + 2.5, "y": top_left[0] + 2.5, "label": 1}


def test_the_click_is_negative_if_the_false_positive_region_is_deeper():
    truth, false = square_mask(2, 2, 5), square_mask(10, 10, 7)
    assert find_next_click(truth, false) == {"x": 13.5, "y": 13.5, "label": 0}
    assert find_next_click(false, truth) == {"x": 13.5, "y": 13.5, "label": 1}


def test_equal_masks_need_no_click():
    assert find_next_click(square_mask(2, 2), square_mask(2, 2)) is None
