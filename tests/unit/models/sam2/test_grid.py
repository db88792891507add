"""Grids of points against the package's automatic mask generator, on a small random model."""

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.models.runtime.precision import Precision
from samgap.models.sam2 import image as sam2
from tests.helpers.demo_weights import decode, draw_square, mask_iou, sam2_options

# isort: split
from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator

WIDTH, HEIGHT = 90, 60
POINTS = [
    {"x": (column + 0.5) * WIDTH / 6, "y": (row + 0.5) * HEIGHT / 6, "label": 1}
    for row in range(6)
    for column in range(6)
]
PROMPTS = [{"kind": "grid", "points": POINTS, "boxes": None}]


@pytest.fixture
def model():
    torch.manual_seed(3)
    model = sam2.Sam2(sam2.build_model(sam2_options(model__image_size=128), "cpu").eval())
    model.set_image(Image.fromarray(draw_square(HEIGHT, WIDTH)))
    return model


@pytest.fixture(autouse=True)
def low_thresholds(monkeypatch):
    """Lower the generator's default thresholds, which no mask of a random model passes."""
    defaults = SAM2AutomaticMaskGenerator.__init__.__defaults__
    names = SAM2AutomaticMaskGenerator.__init__.__code__.co_varnames[2 : 2 + len(defaults)]
    changed = {**dict(zip(names, defaults, strict=True)), "pred_iou_thresh": 0.0, "stability_score_thresh": 0.0}
    monkeypatch.setattr(SAM2AutomaticMaskGenerator.__init__, "__defaults__", tuple(changed.values()))


def test_masks_equal_those_of_the_generator(model):
    (predictions,) = model.predict(PROMPTS)
    generator = SAM2AutomaticMaskGenerator(
        model.model,
        points_per_side=None,
        point_grids=[np.array([[point["x"] / WIDTH, point["y"] / HEIGHT] for point in POINTS])],
    )
    generator.predictor._bb_feat_sizes = model.predictor._bb_feat_sizes
    expected = generator.generate(draw_square(HEIGHT, WIDTH))
    assert len(predictions) == len(expected) > 0
    scores = [prediction.score for prediction in predictions]
    assert scores == sorted((min(mask["predicted_iou"], 1) for mask in expected), reverse=True)
    assert sorted(prediction.area for prediction in predictions) == sorted(int(mask["area"]) for mask in expected)


def test_masks_do_not_depend_on_the_batch_size(model, monkeypatch):
    (one_batch,) = model.predict(PROMPTS)
    assert model.grid_batcher.max_size == 64
    monkeypatch.setattr(model.grid_batcher, "max_size", 4)
    (small_batches,) = model.predict(PROMPTS)
    assert len(small_batches) == len(one_batch)
    for first, second in zip(small_batches, one_batch, strict=True):
        assert first.score == pytest.approx(second.score, abs=1e-3)
        assert mask_iou(decode(first, HEIGHT, WIDTH), decode(second, HEIGHT, WIDTH)) >= 0.999


def test_bf16_gives_masks(model, monkeypatch):
    monkeypatch.setattr(model, "precision", Precision("bf16"))
    assert model.predict(PROMPTS)[0]
