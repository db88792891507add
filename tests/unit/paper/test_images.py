import numpy as np
import pytest
from matplotlib.figure import Figure

from samgap.paper import images


@pytest.mark.parametrize(("n_images", "expected"), [(1, 300.0), (100, 100.0)])
def test_the_resolution_keeps_the_pixels_of_a_figure(monkeypatch, n_images, expected):
    monkeypatch.setattr(images, "PIXEL_BUDGET", 1_000_000)
    assert images.fit_resolution(n_images, 1, 1) == expected


@pytest.mark.parametrize(("resolution", "size"), [(300, (40, 80)), (20, (10, 20))])
def test_an_image_has_no_more_pixels_than_its_width_needs_and_keeps_its_coordinates(resolution, size):
    axes = Figure().add_axes((0, 0, 1, 1))
    images.draw_image(axes, np.zeros((40, 80, 3), np.uint8), width=1, resolution=resolution)
    (drawn,) = axes.images
    assert drawn.get_array().shape[:2] == size
    assert drawn.get_extent() == [-0.5, 79.5, 39.5, -0.5]


def test_a_window_is_drawn_at_its_place_in_the_image():
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[10:20, 30:50] = 255
    axes = Figure().add_axes((0, 0, 1, 1))
    images.draw_image(axes, pixels, width=1, resolution=300, window=(30, 50, 10, 20))
    (drawn,) = axes.images
    assert (np.asarray(drawn.get_array()) == 255).all()
    assert drawn.get_extent() == [29.5, 49.5, 19.5, 9.5]
