"""Mask measures against pycocotools, NumPy, SciPy's distances and torchmetrics."""

import math

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, generate_binary_structure
from scipy.spatial.distance import cdist
from torchmetrics.functional.classification import binary_f1_score, binary_jaccard_index

from samgap import masks, outlines
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


def crops(found):
    return [masks.crop(masks.encode(mask)) for mask in found]


@pytest.mark.parametrize("tolerance", [0, 1, 2, 2.5, 5])
def test_boundary_f_is_that_of_distance_transforms(tolerance):
    found = some(7)
    ours = [[outlines.f_score(edges_apart(one, other), tolerance) for other in crops(found)] for one in crops(found)]
    theirs = [[boundary_f(one, other, tolerance) for other in found] for one in found]
    assert np.array(ours) == pytest.approx(np.array(theirs), abs=1e-12)
    assert len({round(value, 6) for row in ours for value in row}) > 20


def edges_apart(one, other):
    return outlines.apart(*map(outlines.boundary, outlines.together(one, other, *SHAPE)))


def davis_f(one, other, tolerance):
    """DAVIS's f_measure step by step, on whole images: seg2bmap, dilation by a disk, and its empty cases."""

    def seg2bmap(mask):
        east, south, both = (np.zeros_like(mask) for _ in range(3))
        east[:, :-1], south[:-1], both[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
        edge = mask ^ east | mask ^ south | mask ^ both
        edge[-1], edge[:, -1] = mask[-1] ^ east[-1], mask[:, -1] ^ south[:, -1]
        edge[-1, -1] = False
        return edge

    reach = np.mgrid[-tolerance : tolerance + 1, -tolerance : tolerance + 1]
    disk = (reach**2).sum(axis=0) <= tolerance**2
    edges = [seg2bmap(mask) for mask in (one, other)]
    wide = [binary_dilation(edge, disk) for edge in edges]
    count = [edge.sum() for edge in edges]
    if not count[0] or not count[1]:
        return float(count[0] == count[1])
    precision, recall = (edges[0] & wide[1]).sum() / count[0], (edges[1] & wide[0]).sum() / count[1]
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def band(mask, width):
    """Boundary IoU's band: the mask less its erosion, one 3×3 step after another, beyond the image background."""
    return mask & ~binary_erosion(mask, np.ones((3, 3)), iterations=width)


def hausdorff(one, other, share):
    points = [np.argwhere(mask & ~binary_erosion(mask, generate_binary_structure(2, 1))) for mask in (one, other)]
    far = cdist(*points)
    return max(np.quantile(far.min(axis=1), share), np.quantile(far.min(axis=0), share))


@pytest.mark.parametrize("seed", range(3))
def test_outlines_are_measured_as_on_whole_images(seed):
    found = [mask for mask in some(seed) if mask.any()]
    tolerance, width = math.ceil(0.008 * math.hypot(*SHAPE)), max(round(0.02 * math.hypot(*SHAPE)), 1)
    for one, one_crop in zip(found[::2], crops(found[::2]), strict=True):
        for other, other_crop in zip(found, crops(found), strict=True):
            ours = outlines.measures(one_crop, other_crop, *SHAPE)
            relative = 0.05 * 2 * math.sqrt(other.sum() / math.pi)
            theirs = {f"boundary_f_{px}px": boundary_f(one, other, px) for px in (1, 2, 3, 5)}
            theirs |= {"boundary_f_relative": boundary_f(one, other, relative)}
            theirs |= {"boundary_f_davis": davis_f(one, other, tolerance)}
            for name, px in (("boundary_iou", width), ("boundary_iou_2px", 2)):
                bands = band(one, px), band(other, px)
                theirs[name] = (bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum()
            theirs["hausdorff_95_px"] = hausdorff(one, other, 0.95)
            assert ours == pytest.approx(theirs, abs=1e-12)


def test_the_davis_boundary_is_that_of_the_whole_image_at_its_edges():
    for seed in range(3):
        for one in some(seed):
            for other in some(seed + 10)[::3]:
                pair = outlines.together(*crops([one, other]), *SHAPE)
                apart = outlines.apart(*map(outlines.davis_boundary, pair))
                assert outlines.f_score(apart, 2) == pytest.approx(davis_f(one, other, 2), abs=1e-12)


def test_every_rle_is_read_to_its_last_pixel():
    for mask in [*some(1), *some(2), np.zeros((3000, 5000), bool)]:
        counts = masks.encode(mask)["counts"]
        assert masks.rle(counts, *mask.shape) == {"size": list(mask.shape), "counts": counts}
