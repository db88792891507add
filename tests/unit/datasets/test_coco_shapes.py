"""Segmentations of COCO annotations: invalid ones are ignored, and counts are decoded as by pycocotools."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from samgap.datasets import coco_shapes
from tests.helpers.coco import HEIGHT, WIDTH, count_runs


@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 1)))
@settings(deadline=None, max_examples=200)
def test_compressed_counts_are_decoded_as_by_pycocotools(mask: np.ndarray) -> None:
    rle = coco_mask.encode(np.asfortranarray(mask))
    assert coco_shapes._decode_counts(rle["counts"]) == count_runs(mask)


@given(st.text(max_size=30))
@settings(deadline=None, max_examples=300)
def test_arbitrary_counts_give_a_valid_mask_or_an_error(text: str) -> None:
    try:
        decoded = coco_shapes.decode_segmentation({"size": [7, 9], "counts": text}, 9, 7)
    except coco_shapes.InvalidAnnotationError:
        return
    assert decoded.offset[0] + decoded.mask.shape[0] <= 7
    assert decoded.offset[1] + decoded.mask.shape[1] <= 9
    assert decoded.mask.any()


@pytest.mark.parametrize(
    ("polygons", "is_cut", "n_pixels"),
    [
        ([[5, 4, 11, 4, 11, 10, 5, 10]], False, 36),
        ([[-4, 4, 4, 4, 4, 10, -4, 10]], True, 24),
        ([[-1, 4, 4, 4, 4, 10, -1, 10]], False, 24),  # rounding
        ([[30, -3, 34, -3, 34, 2, 30, 2]], True, 8),
        ([[36, 4, 44, 4, 44, 10, 36, 10]], True, 24),
        ([[36, 26, 38, 26, 38, 36, 36, 36]], True, 8),
        ([[5, 4, 11, 4, 11, 10, 5, 10], [50, 4, 60, 4, 60, 10]], True, 36),  # the second is outside
        ([0.5, 1, 2, 1, 2, 3, 0.5, 3], False, None),  # not shares: a number is above 1
    ],
)
def test_polygons_are_cut_at_the_image(polygons: list, is_cut: bool, n_pixels: int | None) -> None:
    decoded = coco_shapes.decode_segmentation(polygons, WIDTH, HEIGHT)
    assert decoded.is_cut == is_cut and n_pixels in (None, decoded.mask.sum())


@pytest.mark.parametrize(
    "polygons", [[[0.1, 0.1, 0.4, 0.1, 0.4, 0.5]], [0.1, 0.1, 0.4, 0.1, 0.4, 0.5], [[0, 0], [1, 0], [1, 1]]]
)
def test_polygons_as_shares_are_invalid(polygons: list) -> None:
    with pytest.raises(coco_shapes.InvalidAnnotationError, match="polygons within one pixel"):
        coco_shapes.decode_segmentation(polygons, WIDTH, HEIGHT)
    # An invalid polygon does not make the others valid.
    with pytest.raises(coco_shapes.InvalidAnnotationError, match="polygons within one pixel"):
        coco_shapes.decode_segmentation([[0.1, 0.1, 0.4, 0.1, 0.4, 0.5], [1, 2, 3, 4]], WIDTH, HEIGHT)
