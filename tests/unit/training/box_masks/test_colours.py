"""Conversion to L*a*b*."""

import numpy as np

from samgap.training.box_masks.colours import rgb_to_lab


def test_the_lab_values_of_white_red_green_and_black() -> None:
    # The published L*a*b* (D65) of the sRGB primaries and white.
    lab = rgb_to_lab(np.array([[[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 0]]], np.uint8))[0]
    expected = [[100, 0, 0], [53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [0, 0, 0]]
    np.testing.assert_allclose(lab, expected, atol=0.3)
