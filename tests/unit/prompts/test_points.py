"""Points on an instance and near it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from samgap.masks import rle
from samgap.prompts import point
from samgap.prompts.points import crop_nearby_background, find_inner_boundary
from tests.helpers.blobs import SEED, blobs, to_pixel

from .conftest import make_truth


@settings(max_examples=60, deadline=None)
@given(blobs(), st.sampled_from(["centre", "random", "boundary"]), st.integers(1, 5), st.integers(0, 3))
def test_points_are_on_the_object_and_negative_points_near_it(blob, place, n_points, n_negatives):
    truth = make_truth([blob])
    options = {"points": n_points, "place": place, "negatives": n_negatives}
    rows = list(point.generate_prompts(truth, options, SEED))
    crop = rle.crop(truth.instances_of(1)[0].rle)
    background, top, left = crop_nearby_background(crop, *blob.shape)
    window = blob[top : top + background.shape[0], left : left + background.shape[1]]
    assert background.any() == (not window.all())
    if n_negatives and not background.any():
        assert rows == []
        return
    points = rows[0]["points"]
    assert [entry["label"] for entry in points] == [1] * n_points + [0] * n_negatives
    positives, negatives = (
        [to_pixel(entry) for entry in points[:n_points]],
        [to_pixel(entry) for entry in points[n_points:]],
    )
    candidates = find_inner_boundary(blob) if place == "boundary" else blob
    assert all(candidates[pixel] for pixel in positives)
    assert len(set(positives)) == min(n_points, candidates.sum())  # they repeat only if there are too few pixels
    assert not any(blob[pixel] for pixel in negatives)
    x0, y0, x1, y1 = truth.instances_of(1)[0].box
    x_margin, y_margin = max(0.5 * (x1 - x0), 2) + 0.5, max(0.5 * (y1 - y0), 2) + 0.5
    for row, column in negatives:
        assert x0 - x_margin <= column + 0.5 <= x1 + x_margin and y0 - y_margin <= row + 0.5 <= y1 + y_margin


@settings(max_examples=40, deadline=None)
@given(blobs())
def test_the_centre_is_a_deepest_pixel(blob):
    ((centre,),) = [row["points"] for row in point.generate_prompts(make_truth([blob]), {}, SEED)]
    depth = ndimage.distance_transform_edt(np.pad(blob, 1))[1:-1, 1:-1]
    assert depth[to_pixel(centre)] == depth.max()


def test_further_centres_are_far_from_the_first():
    rectangle = np.zeros((11, 31), bool)
    rectangle[1:10, 1:30] = True
    (row,) = point.generate_prompts(make_truth([rectangle]), {"points": 3}, SEED)
    columns = sorted(entry["x"] for entry in row["points"])
    assert min(np.diff(columns)) >= 5  # the distance of the first from the edge


def test_the_edge_of_the_image_is_boundary():
    full = np.ones((5, 5), bool)
    assert find_inner_boundary(full).sum() == 16 and not find_inner_boundary(full)[1:4, 1:4].any()


def test_more_random_points_start_with_the_same_point(many_apples):
    one_point, five_points = (
        [row["points"] for row in point.generate_prompts(many_apples, {"place": "random", "points": number}, SEED)]
        for number in (1, 5)
    )
    assert [points[:1] for points in five_points] == one_point


def test_negative_points_do_not_depend_on_the_positive_ones(many_apples):
    negatives = [
        [
            [entry for entry in row["points"] if not entry["label"]]
            for row in point.generate_prompts(many_apples, {"place": place, "points": number, "negatives": 2}, SEED)
        ]
        for number, place in ((1, "centre"), (5, "random"))
    ]
    assert negatives[0] == negatives[1]
