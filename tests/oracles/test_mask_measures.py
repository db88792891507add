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
from tests.helpers import reference
from tests.helpers.reference import boundary_f, davis_f
from tests.helpers.scenes import random_ellipse

SHAPE = (37, 29)


def draw_masks(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    ellipses = [random_ellipse(rng, SHAPE) for _ in range(12)]
    speckle = rng.random(SHAPE) < 0.3  # holes, islands, and pixels at the image border
    return [*ellipses, speckle, np.ones(SHAPE, bool), np.zeros(SHAPE, bool), np.eye(*SHAPE, dtype=bool)]


@pytest.mark.parametrize("seed", range(3))
def test_areas_iou_and_dice_are_those_of_numpy_pycocotools_and_torchmetrics(seed):
    masks = draw_masks(seed)
    rles = [rle.encode(mask) for mask in masks]
    flat = np.array([mask.ravel() for mask in masks], np.int64)
    areas = rle.compute_areas(rles)
    common = rle.compute_intersections(rles, rles)
    assert areas.tolist() == flat.sum(axis=1).tolist()
    assert common.tolist() == (flat @ flat.T).tolist()
    iou = rle.iou(common, areas[:, None], areas[None])
    nonempty = [index for index, area in enumerate(areas) if area]
    expected = coco_mask.iou(
        [rles[index] for index in nonempty], [rles[index] for index in nonempty], [0] * len(nonempty)
    )
    assert np.array_equal(iou[np.ix_(nonempty, nonempty)], expected)
    dice = rle.dice(common, areas[:, None], areas[None])
    for first in nonempty[::3]:
        for second in nonempty[::2]:
            pair = torch.tensor(flat[first]), torch.tensor(flat[second])
            assert iou[first, second] == pytest.approx(float(binary_jaccard_index(*pair)), abs=1e-6)
            assert dice[first, second] == pytest.approx(float(binary_f1_score(*pair)), abs=1e-6)


def crops(masks):
    return [rle.crop(rle.encode(mask)) for mask in masks]


@pytest.mark.parametrize("tolerance", [0, 1, 2, 2.5, 5])
def test_boundary_f_is_that_of_whole_image_distance_transforms(tolerance):
    masks = draw_masks(7)
    values = [
        [boundaries.boundary_f(boundary_distances(first, second), tolerance) for second in crops(masks)]
        for first in crops(masks)
    ]
    expected = [[boundary_f(first, second, tolerance) for second in masks] for first in masks]
    assert np.array(values) == pytest.approx(np.array(expected), abs=1e-12)
    assert len({round(value, 6) for row in values for value in row}) > 20


def boundary_distances(first, second):
    return boundaries.compute_boundary_distances(
        *map(boundaries.extract_boundary, boundaries.crop_pair(first, second, *SHAPE))
    )


@pytest.mark.parametrize("seed", range(2))
def test_boundary_distances_are_those_of_torchmetrics(seed):
    masks = [mask for mask in draw_masks(seed) if mask.any()]
    for first in masks[::3]:
        for second in [*masks[1:9:4], *masks[-2:]]:
            pair = torch.tensor(first), torch.tensor(second)
            # Both treat pixels outside the image as background; torchmetrics is correct for square images only.
            padding = SHAPE[0] - SHAPE[1]
            edges = [torch.nn.functional.pad(edge, (0, padding)).bool() for edge in mask_edges(*pair)]
            expected = surface_distance(*edges), surface_distance(*edges[::-1])
            values = boundary_distances(*crops([first, second]))
            for distances, expected_distances in zip(values, expected, strict=True):
                assert distances == pytest.approx(np.sort(expected_distances.numpy()), abs=1e-5)
            assert boundaries.hausdorff_distance(values, 1.0) == pytest.approx(
                float(max(map(torch.max, expected))), abs=1e-5
            )
            quantile = max(float(torch.quantile(side.double(), 0.95)) for side in expected)
            assert boundaries.hausdorff_distance(values, 0.95) == pytest.approx(quantile, abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_boundaries_and_hausdorff_distance_are_those_of_scikit_image(seed):
    masks = [mask for mask in draw_masks(seed) if mask.any()]
    # Pixels outside the image are background.
    edges = [find_boundaries(np.pad(mask, 1), connectivity=1, mode="inner")[1:-1, 1:-1] for mask in masks]
    for first, first_edge in zip(masks, edges, strict=True):
        for second, second_edge in zip(masks, edges, strict=True):
            pair = boundaries.crop_pair(*crops([first, second]), *SHAPE)
            assert [int(boundaries.extract_boundary(mask).sum()) for mask in pair] == [
                first_edge.sum(),
                second_edge.sum(),
            ]
            values = boundaries.hausdorff_distance(boundary_distances(*crops([first, second])), 1.0)
            assert values == pytest.approx(hausdorff_distance(first_edge, second_edge), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_boundary_measures_are_those_of_whole_images(seed):
    masks = [mask for mask in draw_masks(seed) if mask.any()]
    for first, first_crop in zip(masks[::2], crops(masks[::2]), strict=True):
        for second, second_crop in zip(masks, crops(masks), strict=True):
            values = boundaries.compute_boundary_measures(first_crop, second_crop, *SHAPE)
            assert values == pytest.approx(reference.compute_boundary_measures(first, second), abs=1e-12)


def test_davis_boundary_f_is_that_of_whole_images_also_at_the_border():
    for seed in range(3):
        for first in draw_masks(seed):
            for second in draw_masks(seed + 10)[::3]:
                pair = boundaries.crop_pair(*crops([first, second]), *SHAPE)
                distances = boundaries.compute_boundary_distances(*map(boundaries.extract_davis_boundary, pair))
                assert boundaries.boundary_f(distances, 2) == pytest.approx(davis_f(first, second, 2), abs=1e-12)


def test_make_rle_is_the_inverse_of_encode():
    for mask in [*draw_masks(1), *draw_masks(2), np.zeros((3000, 5000), bool)]:
        counts = rle.encode(mask)["counts"]
        assert rle.make_rle(counts, *mask.shape) == {"size": list(mask.shape), "counts": counts}
