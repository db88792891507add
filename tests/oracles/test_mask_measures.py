"""Mask measures against pycocotools, NumPy, SciPy's distances, scikit-image and torchmetrics."""

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from skimage.metrics import hausdorff_distance
from skimage.segmentation import find_boundaries
from torchmetrics.functional.classification import binary_f1_score, binary_jaccard_index
from torchmetrics.functional.segmentation.utils import mask_edges, surface_distance

from samgap.masks import boundaries, rle
from tests.helpers.reference import boundary_f, davis_f
from tests.helpers.scenes import random_ellipse

SHAPE = (37, 29)


def some(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    found = [random_ellipse(random, SHAPE) for _ in range(12)]
    speckle = random.random(SHAPE) < 0.3  # holes, islands, and the image's edges
    return [*found, speckle, np.ones(SHAPE, bool), np.zeros(SHAPE, bool), np.eye(*SHAPE, dtype=bool)]


@pytest.mark.parametrize("seed", range(3))
def test_counts_and_ratios_are_those_of_numpy_pycocotools_and_torchmetrics(seed):
    found = some(seed)
    rles = [rle.encode(mask) for mask in found]
    flat = np.array([mask.ravel() for mask in found], np.int64)
    areas = rle.areas(rles)
    common = rle.intersections(rles, rles)
    assert areas.tolist() == flat.sum(axis=1).tolist()
    assert common.tolist() == (flat @ flat.T).tolist()
    iou = rle.iou(common, areas[:, None], areas[None])
    full = [number for number, area in enumerate(areas) if area]
    theirs = coco_mask.iou([rles[number] for number in full], [rles[number] for number in full], [0] * len(full))
    assert np.array_equal(iou[np.ix_(full, full)], theirs)
    dice = rle.dice(common, areas[:, None], areas[None])
    for one in full[::3]:
        for other in full[::2]:
            pair = torch.tensor(flat[one]), torch.tensor(flat[other])
            assert iou[one, other] == pytest.approx(float(binary_jaccard_index(*pair)), abs=1e-6)
            assert dice[one, other] == pytest.approx(float(binary_f1_score(*pair)), abs=1e-6)


def crops(found):
    return [rle.crop(rle.encode(mask)) for mask in found]


@pytest.mark.parametrize("tolerance", [0, 1, 2, 2.5, 5])
def test_boundary_f_is_that_of_distance_transforms(tolerance):
    found = some(7)
    ours = [
        [boundaries.boundary_f(edges_apart(one, other), tolerance) for other in crops(found)] for one in crops(found)
    ]
    theirs = [[boundary_f(one, other, tolerance) for other in found] for one in found]
    assert np.array(ours) == pytest.approx(np.array(theirs), abs=1e-12)
    assert len({round(value, 6) for row in ours for value in row}) > 20


def edges_apart(one, other):
    return boundaries.boundary_distances(*map(boundaries.extract_boundary, boundaries.crop_pair(one, other, *SHAPE)))


@pytest.mark.parametrize("seed", range(2))
def test_outlines_and_their_distances_are_those_of_torchmetrics(seed):
    found = [mask for mask in some(seed) if mask.any()]
    for one in found[::2]:
        for other in found[1::2]:
            pair = torch.tensor(one), torch.tensor(other)
            # Beyond the image is background for both. Their distances are right on square images alone.
            wide = SHAPE[0] - SHAPE[1]
            edges = [torch.nn.functional.pad(edge, (0, wide)).bool() for edge in mask_edges(*pair)]
            theirs = surface_distance(*edges), surface_distance(*edges[::-1])
            ours = edges_apart(*crops([one, other]))
            for mine, other_side in zip(ours, theirs, strict=True):
                assert mine == pytest.approx(np.sort(other_side.numpy()), abs=1e-5)
            assert boundaries.hausdorff_distance(ours, 1.0) == pytest.approx(
                float(max(map(torch.max, theirs))), abs=1e-5
            )
            quantile = max(float(torch.quantile(side.double(), 0.95)) for side in theirs)
            assert boundaries.hausdorff_distance(ours, 0.95) == pytest.approx(quantile, abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_outlines_and_their_largest_distance_are_those_of_scikit_image(seed):
    found = [mask for mask in some(seed) if mask.any()]
    # Beyond the image is background.
    edges = [find_boundaries(np.pad(mask, 1), connectivity=1, mode="inner")[1:-1, 1:-1] for mask in found]
    for one, one_edge in zip(found, edges, strict=True):
        for other, other_edge in zip(found, edges, strict=True):
            pair = boundaries.crop_pair(*crops([one, other]), *SHAPE)
            assert [int(boundaries.extract_boundary(each).sum()) for each in pair] == [one_edge.sum(), other_edge.sum()]
            ours = boundaries.hausdorff_distance(edges_apart(*crops([one, other])), 1.0)
            assert ours == pytest.approx(hausdorff_distance(one_edge, other_edge), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_outlines_are_measured_as_on_whole_images(seed):
    found = [mask for mask in some(seed) if mask.any()]
    for one, one_crop in zip(found[::2], crops(found[::2]), strict=True):
        for other, other_crop in zip(found, crops(found), strict=True):
            ours = boundaries.compute_boundary_measures(one_crop, other_crop, *SHAPE)
            assert ours == pytest.approx(again.compute_boundary_measures(one, other), abs=1e-12)


def test_the_davis_boundary_is_that_of_the_whole_image_at_its_edges():
    for seed in range(3):
        for one in some(seed):
            for other in some(seed + 10)[::3]:
                pair = boundaries.crop_pair(*crops([one, other]), *SHAPE)
                apart = boundaries.boundary_distances(*map(boundaries.extract_davis_boundary, pair))
                assert boundaries.boundary_f(apart, 2) == pytest.approx(davis_f(one, other, 2), abs=1e-12)


def test_every_rle_is_read_to_its_last_pixel():
    for mask in [*some(1), *some(2), np.zeros((3000, 5000), bool)]:
        counts = rle.encode(mask)["counts"]
        assert rle.make_rle(counts, *mask.shape) == {"size": list(mask.shape), "counts": counts}
