"""Crops contain their object and stay in the image; changes of light keep the range of the pixels."""

import numpy as np
from hypothesis import given, settings, strategies
from PIL import Image

from samgap.training.crops import image_to_array, jitter_image, sample_window


@settings(max_examples=200, deadline=None)
@given(strategies.integers(20, 90), strategies.integers(20, 90), strategies.data())
def test_a_window_is_a_square_in_the_image_that_contains_a_box_that_fits(width, height, data):
    x0, y0 = data.draw(strategies.integers(0, width - 2)), data.draw(strategies.integers(0, height - 2))
    x1, y1 = data.draw(strategies.integers(x0 + 1, width)), data.draw(strategies.integers(y0 + 1, height))
    rng = np.random.default_rng(data.draw(strategies.integers(0, 999)))
    left, top, right, bottom = sample_window((width, height), (x0, y0, x1, y1), 0.3, 1.0, rng)
    side = right - left
    assert side == bottom - top and round(0.3 * min(width, height)) <= side <= min(width, height)
    assert min(left, top) >= 0 and right <= width and bottom <= height
    if x1 - x0 <= side:
        assert left <= x0 and x1 <= right
    else:
        assert left <= (x0 + x1) / 2 <= right
    if y1 - y0 <= side:
        assert top <= y0 and y1 <= bottom


def test_the_sides_of_windows_are_log_uniform():
    rng = np.random.default_rng(0)
    windows = [sample_window((400, 400), (190, 190, 210, 210), 0.25, 1, rng) for _ in range(400)]
    sides = [right - left for left, _, right, _ in windows]
    assert min(sides) < 115 and max(sides) > 350
    assert 160 < np.median(sides) < 240  # the median of the distribution is 200


def test_jitter_changes_light_and_keeps_the_range():
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8))
    changed = [jitter_image(picture, np.random.default_rng(seed)) for seed in range(30)]
    assert all(values.shape == (32, 32, 3) and values.min() >= 0 and values.max() <= 1 for values in changed)
    assert np.std([values.mean() for values in changed]) > 0.02
    assert np.array_equal(image_to_array(picture), np.asarray(picture, np.float32) / 255)
    assert np.array_equal(jitter_image(picture, np.random.default_rng(3)), changed[3])
