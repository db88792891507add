"""Run-length encoding against pycocotools, and upsampling near positive logits against upsampling everything."""

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from scipy import ndimage

from samgap.models.runtime.rle import encode_rles, find_runs, upsample_to_masks, upsample_to_runs


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (13, 17), (60, 90)])
@pytest.mark.parametrize("foreground_share", [0, 0.01, 0.5, 0.99, 1])
def test_counts_areas_and_boxes_equal_those_of_pycocotools(shape, foreground_share):
    masks = np.random.default_rng(0).random((7, *shape)) < foreground_share
    counts, areas, boxes = encode_rles(find_runs(torch.from_numpy(masks)))
    expected = coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))
    assert counts == [rle["counts"] for rle in expected]
    assert areas.tolist() == masks.sum(axis=(1, 2)).tolist()
    expected_boxes = coco_mask.toBbox(expected)
    expected_boxes[:, 2:] += expected_boxes[:, :2]
    assert boxes.tolist() == expected_boxes.tolist()


@pytest.mark.parametrize("low_size", [(36, 36), (64, 64), (4, 4)])
@pytest.mark.parametrize("size", [(60, 90), (512, 512), (1, 1), (40, 33), (100, 3), (8, 2000)])
def test_upsampling_near_positive_logits_equals_upsampling_everything(low_size, size):
    rng = np.random.default_rng(0)
    logits = ndimage.gaussian_filter(rng.normal(size=(20, *low_size)), (0, 2, 2)).astype(np.float32) - 0.1
    logits[3], logits[4], logits[5, 1:, 1:] = -1, 1, -1
    near, everything = upsample_to_runs(logits, size), find_runs(upsample_to_masks(torch.from_numpy(logits), size))
    differing_share = np.zeros(20)
    for index, pair in enumerate(zip(encode_rles(near)[0], encode_rles(everything)[0], strict=True)):
        first, second = (coco_mask.decode({"size": size, "counts": counts}) for counts in pair)
        differing_share[index] = (first != second).mean()
    # Values within rounding of 0 may have either sign.
    assert differing_share.max() <= 1e-4
