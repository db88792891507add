"""Coarse masks as prompts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from samgap.masks import rle
from samgap.prompts import mask
from tests.helpers.blobs import SEED, blobs

from .conftest import make_truth


@settings(max_examples=60, deadline=None)
@given(blobs(), st.floats(0.05, 0.95))
def test_coarse_masks_are_not_empty_and_shrink_or_grow_by_their_amount(blob, amount):
    coarse = {}
    for method in ("eroded", "dilated", "blocky"):
        (row,) = mask.generate_prompts(make_truth([blob]), {"coarse": method, "amount": amount}, SEED)
        coarse[method] = rle.decode(rle.make_rle(row["mask"], *blob.shape))
        assert coarse[method].any() and coarse[method].shape == blob.shape
        assert row["kind"] == "mask" and row["truth_ids"] == [10]
    radius = ndimage.distance_transform_edt(np.pad(blob, 1)).max()
    assert not (coarse["eroded"] & ~blob).any() and not (blob & ~coarse["dilated"]).any()
    np.testing.assert_array_equal(coarse["dilated"], ndimage.distance_transform_edt(~blob) <= amount * radius)


def test_a_blocky_mask_consists_of_whole_blocks():
    disk = ((np.mgrid[:60, :60] - 30) ** 2).sum(axis=0) <= 20**2
    (row,) = mask.generate_prompts(make_truth([disk]), {"coarse": "blocky", "amount": 0.2}, SEED)
    blocky = rle.decode(rle.make_rle(row["mask"], 60, 60))
    run_lengths = np.diff(np.flatnonzero(np.diff(np.pad(blocky, 1).astype(int), axis=1)) % 61)
    assert set(run_lengths[::2] % 8) == {0}  # 2 * 0.2 * radius
    assert 0.75 < (blocky & disk).sum() / (blocky | disk).sum() < 1


def test_a_mask_prompt_has_points_only_if_the_option_says_so(truth, seed):
    rows = list(mask.generate_prompts(truth, {"coarse": "eroded", "points": 2}, seed))
    assert all(len(row["points"]) == 2 for row in rows)
    assert "points" not in next(iter(mask.generate_prompts(truth, {"coarse": "eroded"}, seed)))
