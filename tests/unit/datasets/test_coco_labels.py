"""Segmentations of COCO annotations: invalid ones are ignored, and counts are decoded as by pycocotools."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from samgap.datasets import coco_labels
from tests.helpers.coco import count_runs


@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 1)))
@settings(deadline=None, max_examples=200)
def test_compressed_counts_are_decoded_as_by_pycocotools(mask: np.ndarray) -> None:
    rle = coco_mask.encode(np.asfortranarray(mask))
    assert coco_labels._decode_counts(rle["counts"]) == count_runs(mask)


@given(st.text(max_size=30))
@settings(deadline=None, max_examples=300)
def test_arbitrary_counts_give_a_valid_mask_or_an_error(text: str) -> None:
    try:
        mask, (row, column), _ = coco_labels.decode_segmentation({"size": [7, 9], "counts": text}, 9, 7)
    except coco_labels.InvalidAnnotationError:
        return
    assert row + mask.shape[0] <= 7
    assert column + mask.shape[1] <= 9
    assert mask.any()
