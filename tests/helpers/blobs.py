"""Arbitrary masks, and points in them, for the tests of spatial prompts."""

import numpy as np
from hypothesis import strategies as st
from scipy import ndimage

from samgap.prompts.seed import Seed

SEED = Seed(42, "orchard")


@st.composite
def blobs(draw):
    """Generate masks from 1 px to all pixels of a small image, with one component or more."""
    height, width = draw(st.integers(2, 18)), draw(st.integers(2, 18))
    bits = draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    noise = np.array(bits, bool).reshape(height, width)
    blob = ndimage.binary_dilation(noise, iterations=draw(st.integers(0, 2)))
    blob[draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))] = True
    return blob


def to_pixel(coordinates):
    """Return (row, column) of a point, which must be the centre of a pixel."""
    assert (coordinates["x"] % 1, coordinates["y"] % 1) == (0.5, 0.5)
    return int(coordinates["y"]), int(coordinates["x"])
