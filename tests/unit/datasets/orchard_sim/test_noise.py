"""Building blocks of the simulated orchard: noise, waves, colours and light."""

import numpy as np
import pytest

from samgap.datasets.orchard_sim import noise


def test_smooth_noise_has_the_requested_size_and_small_steps():
    values = noise.smooth_noise(np.random.default_rng(0), (4, 3), 80, 60)
    assert values.shape == (60, 80) and values.dtype == np.float32
    assert values.min() >= -0.5 and values.max() <= 0.5 and values.std() > 0.1
    # A cell is 20 px wide, so neighbouring pixels differ by a small part of the range.
    assert max(np.abs(np.diff(values, axis=axis)).max() for axis in (0, 1)) < 0.1
    assert noise.smooth_noise(np.random.default_rng(0), 4, 50).shape == (50, 50)


def test_waves_and_falloff():
    assert noise.triangle_wave(np.array([0, 0.25, 0.5, 0.75, 1, -0.25])).tolist() == [1, 0.5, 0, 0.5, 1, 0.5]
    assert noise.quadratic_falloff(np.array([0, 0.5, 1, 3])).tolist() == [1, 0.25, 0, 0]


def test_blending_is_linear_in_the_opacity():
    base, overlay = np.zeros((1, 3, 3)), np.array([100.0, 50, 0])
    blended = noise.blend(base, overlay, np.array([[0, 0.5, 1]]))
    assert blended[0].tolist() == [[0, 0, 0], [50, 25, 0], [100, 50, 0]]


@pytest.mark.parametrize("name", noise.LIGHT_NAMES)
def test_the_direction_of_a_light_is_a_unit_vector_from_above(name):
    for seed in range(20):
        light = noise.make_light(np.random.default_rng(seed), name)
        assert light.name == name
        assert np.linalg.norm(light.direction) == pytest.approx(1, abs=1e-6)
        assert light.direction[1] < 0 < light.direction[2]  # y points down, z to the camera


def test_an_unknown_light_is_an_error():
    with pytest.raises(ValueError, match="unknown light 'noon'"):
        noise.make_light(np.random.default_rng(0), "noon")
