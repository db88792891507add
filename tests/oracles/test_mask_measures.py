"""Mask measures against pycocotools, NumPy, SciPy's distances and torchmetrics."""

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from scipy.ndimage import binary_erosion, distance_transform_edt, generate_binary_structure
from torchmetrics.functional.classification import binary_f1_score, binary_jaccard_index

from samgap import masks
from tests.helpers.scenes import ellipse

SHAPE = (37, 29)


def some(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    found = [ellipse(random, SHAPE) for _ in range(12)]
    speckle = random.random(SHAPE) < 0.3  # holes, islands, and the image's edges
    return [*found, speckle, np.ones(SHAPE, bool), np.zeros(SHAPE, bool), np.eye(*SHAPE, dtype=bool)]


def boundary_f(one: np.ndarray, other: np.ndarray, tolerance: float) -> float:
    """By the distance of every pixel to the other boundary."""
    cross = generate_binary_structure(2, 1)
    edges = [mask & ~binary_erosion(mask, cross) for mask in (one, other)]
    if not edges[0].any() or not edges[1].any():
        return float(edges[0].any() == edges[1].any())
    far = [distance_transform_edt(~edge) for edge in edges]
    precision = (far[1][edges[0]] <= tolerance).mean()
    recall = (far[0][edges[1]] <= tolerance).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize("seed", range(3))
def test_counts_and_ratios_are_those_of_numpy_pycocotools_and_torchmetrics(seed):
    found = some(seed)
    rles = [masks.encode(mask) for mask in found]
    flat = np.array([mask.ravel() for mask in found], np.int64)
    areas = masks.areas(rles)
    common = masks.intersections(rles, rles)
    assert areas.tolist() == flat.sum(axis=1).tolist()
    assert common.tolist() == (flat @ flat.T).tolist()
    iou = masks.iou(common, areas[:, None], areas[None])
    full = [number for number, area in enumerate(areas) if area]
    theirs = coco_mask.iou([rles[number] for number in full], [rles[number] for number in full], [0] * len(full))
    assert np.array_equal(iou[np.ix_(full, full)], theirs)
    dice = masks.dice(common, areas[:, None], areas[None])
    for one in full[::3]:
        for other in full[::2]:
            pair = torch.tensor(flat[one]), torch.tensor(flat[other])
            assert iou[one, other] == pytest.approx(float(binary_jaccard_index(*pair)), abs=1e-6)
            assert dice[one, other] == pytest.approx(float(binary_f1_score(*pair)), abs=1e-6)


@pytest.mark.parametrize("tolerance", [0, 1, 2, 2.5, 5])
def test_boundary_f_is_that_of_distance_transforms(tolerance):
    found = some(7)
    outlines = [masks.outline(masks.encode(mask)) for mask in found]
    ours = [[masks.boundary_f(one, other, tolerance) for other in outlines] for one in outlines]
    theirs = [[boundary_f(one, other, tolerance) for other in found] for one in found]
    assert np.array(ours) == pytest.approx(np.array(theirs), abs=1e-12)
    assert len({round(value, 6) for row in ours for value in row}) > 20


def test_every_rle_is_read_to_its_last_pixel():
    for mask in [*some(1), *some(2), np.zeros((3000, 5000), bool)]:
        counts = masks.encode(mask)["counts"]
        assert masks.rle(counts, *mask.shape) == {"size": list(mask.shape), "counts": counts}
