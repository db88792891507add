"""Boundary pixels of masks."""

import numpy as np

from samgap.masks import boundaries


def test_edge_of_the_image_is_boundary():
    mask = np.ones((5, 6), bool)
    inner = np.zeros((5, 6), bool)
    inner[1:-1, 1:-1] = True
    assert np.array_equal(boundaries.extract_boundary(mask), mask & ~inner)


def test_boundary_uses_4_neighbours():
    mask = np.ones((3, 3), bool)
    mask[0, 0] = False
    assert not boundaries.extract_boundary(mask)[1, 1]
    mask[0, 1] = False
    assert boundaries.extract_boundary(mask)[1, 1]
