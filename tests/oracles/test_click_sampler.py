"""Click sampling and the point grid against those of the package sam2."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from samgap.masks.clicks import find_next_click
from samgap.prompts.grid import make_point_grid
from tests.helpers.scenes import random_ellipse

torch = pytest.importorskip("torch")


@pytest.fixture
def sam2_click(monkeypatch):
    """Return sam2's sampler. OpenCV is not installed; SciPy replaces its exact Euclidean distance transform."""
    from sam2.modeling.sam2_utils import sample_one_point_from_error_center

    def distance(mask, kind, size):
        assert (kind, size) == ("L2", 0)  # 0: exact
        return ndimage.distance_transform_edt(mask).astype(np.float32)

    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(distanceTransform=distance, DIST_L2="L2"))

    def click(truth, prediction):
        points, labels = sample_one_point_from_error_center(
            torch.from_numpy(truth)[None, None], torch.from_numpy(prediction)[None, None]
        )
        (x, y), label = points[0, 0].tolist(), int(labels[0, 0])
        return {"x": x + 0.5, "y": y + 0.5, "label": label}

    return click


def test_next_click_is_that_of_sam2(sam2_click):
    rng = np.random.default_rng(0)
    labels = []
    for _ in range(200):
        shape = tuple(rng.integers(3, 60, 2))
        truth = random_ellipse(rng, shape) | random_ellipse(rng, shape)
        prediction = random_ellipse(rng, shape) & (rng.random(shape) < rng.choice([0.5, 0.95, 1]))
        if (truth == prediction).all():
            continue
        click = find_next_click(truth, prediction)
        assert click == sam2_click(truth, prediction)
        labels.append(click["label"])
    assert 20 < sum(labels) < len(labels) - 20


def test_first_click_is_that_of_sam2_and_a_perfect_mask_has_no_click(sam2_click):
    truth = np.zeros((9, 12), bool)
    truth[2:7, 3:10] = True
    assert find_next_click(truth, np.zeros_like(truth)) == sam2_click(truth, np.zeros_like(truth))
    assert find_next_click(truth, truth) is None


def test_clicks_end_if_each_click_corrects_its_pixel():
    rng = np.random.default_rng(1)
    truth, prediction = random_ellipse(rng, (12, 15)), random_ellipse(rng, (12, 15))
    for _ in range(int((truth ^ prediction).sum())):
        click = find_next_click(truth, prediction)
        row, column = int(click["y"]), int(click["x"])
        assert truth[row, column] == bool(click["label"]) != prediction[row, column]
        prediction[row, column] = truth[row, column]
    assert find_next_click(truth, prediction) is None


def test_point_grid_is_that_of_the_automatic_mask_generator():
    from sam2.utils.amg import build_point_grid

    points = np.array([(point["x"] / 200, point["y"] / 100) for point in make_point_grid(7, 200, 100)])
    np.testing.assert_allclose(points, build_point_grid(7), atol=1e-12)
