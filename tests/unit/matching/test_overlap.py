"""Overlaps of the predictions and the instances of one image, and the region of `ignore` instances."""

from dataclasses import replace

import numpy as np
import pytest

from samgap.errors import UserError
from samgap.masks import rle
from samgap.matching.overlap import ImageOverlap
from samgap.matching.shard import match_shard
from tests.helpers.matching import phrase_tables
from tests.helpers.scenes import square_mask

APPLE = square_mask(2, 2, 6)


def test_a_box_without_a_mask_serves_as_ignore_region():
    masks, prompts, truth, images = phrase_tables([(0.9, square_mask(14, 14, 8))])
    *remaining, ignored = truth.instances_of(1)
    truth = replace(truth, instances={1: [*remaining, replace(ignored, rle=None, box=(14, 14, 22, 22))]})
    overlaps, _, pairs = match_shard(masks, prompts, truth, images, 0.5)
    assert pairs["n_predicted"].tolist() == [0] and overlaps["ioa"].tolist() == [1]


@pytest.mark.parametrize(("left", "n_counted"), [(14, 0), (8, 0), (7, 1)])
def test_the_ignore_region_is_the_union_of_its_instances(left, n_counted):
    halves = {1: [(1, APPLE, False), (2, square_mask(12, 12, 4), True), (3, square_mask(12, 16, 4), True)]}
    two_rows = square_mask(12, left, 8) & ~square_mask(14, left, 8)
    _, _, pairs = match_shard(*phrase_tables([(0.9, two_rows)], [1], halves), 0.5)
    assert pairs["n_predicted"].tolist() == [n_counted]


def test_two_instances_with_the_same_id():
    apple = (1, APPLE, False)
    with pytest.raises(UserError, match="image 1: two instances have the same id"):
        match_shard(*phrase_tables([(0.9, APPLE)], [1], {1: [apple, apple]}), 0.5)


def test_overlaps_of_masks_and_of_boxes():
    masks, _, truth, images = phrase_tables([(0.9, square_mask(2, 5, 6)), (0.8, square_mask(16, 14, 8))])
    masks[["x0", "y0", "x1", "y1"]] = [[5.0, 2, 11, 8], [14.0, 16, 22, 24]]
    (image_row,) = images.itertuples(index=False)
    overlap = ImageOverlap(image_row, truth.instances_of(1), masks)
    # The apples are 6 px wide at columns 2 and 14; the `ignore` instance is 8 px wide at row 14.
    assert overlap.intersection.tolist() == [[18, 0, 0], [0, 0, 48]]
    assert overlap.iou == pytest.approx(np.array([[18 / 54, 0, 0], [0, 0, 48 / 80]]))
    # With an `ignore` instance, the overlap of boxes is the fraction of the predicted box inside it.
    assert overlap.box_iou == pytest.approx(np.array([[18 / 54, 0, 0], [0, 0, 48 / 64]]))
    assert overlap.is_in_region(np.array([2])).tolist() == [False, True]
    assert overlap.is_in_region(np.array([], int)).tolist() == [False, False]
    # Instances marked `ignore` are annotated, too.
    assert overlap.annotated_share.tolist() == [18 / 36, 48 / 64]


def test_the_share_inside_a_union_counts_common_pixels_once():
    instances = {1: [(1, square_mask(2, 2, 6), False), (2, square_mask(2, 4, 6), False)]}
    masks, _, truth, images = phrase_tables([(0.9, square_mask(2, 2, 8))], instances=instances)
    (image_row,) = images.itertuples(index=False)
    overlap = ImageOverlap(image_row, truth.instances_of(1), masks)
    both, none = np.array([0, 1]), np.array([], int)
    assert overlap.share_inside(np.array([0]), both).tolist() == [6 * 8 / 64]
    assert overlap.share_inside(np.array([0]), none).tolist() == [0]
    assert rle.decode(overlap.merge_truth(both)).sum() == 6 * 8
