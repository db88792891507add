"""Family `grounded`: boxes of a detector become masks of a segmenter."""

import time

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.models import Prediction, grounded
from samgap.models.sam2 import image as sam2
from samgap.models.sam3 import image as sam3
from tests.helpers.demo_weights import SAM2_OPTIONS, SAM2_WEIGHTS, SAM3_OPTIONS, SAM3_WEIGHTS

COMPONENTS = {"detector": {"family": "sam3", **SAM3_OPTIONS}, "segmenter": {"family": "sam2", **SAM2_OPTIONS}}
WEIGHTS = {"detector": SAM3_WEIGHTS, "segmenter": SAM2_WEIGHTS}
PROMPTS = [{"kind": "phrase", "phrase": phrase, "points": None, "boxes": None} for phrase in ("apple", "pear", "leaf")]


class FixedDetector:
    """Predicts fixed boxes, (score, box) by phrase."""

    def __init__(self, detections):
        self.detections = detections

    def set_image(self, image):
        self.image_size = image.size

    def predict(self, prompts):
        return [
            [Prediction(score, box, 0, b"") for score, box in self.detections[prompt["phrase"]]] for prompt in prompts
        ]


class BoxSegmenter:
    """Predicts the box of each prompt, and nothing for a box at the left edge."""

    def set_image(self, image):
        self.image_size = image.size

    def predict(self, prompts):
        self.prompts = prompts
        boxes = [tuple(prompt["boxes"][0][edge] for edge in ("x0", "y0", "x1", "y1")) for prompt in prompts]
        return [[Prediction(0.1, box, 7, b"rle")] if box[0] else [] for box in boxes]


def test_the_detector_is_timed_apart_from_the_segmenter():
    class SlowDetector(FixedDetector):
        def predict(self, prompts):
            time.sleep(0.05)
            return super().predict(prompts)

    class SlowSegmenter(BoxSegmenter):
        def predict(self, prompts):
            time.sleep(0.3)
            return super().predict(prompts)

    model = grounded.Grounded(SlowDetector({"apple": [(0.9, (1, 2, 9, 8))]}), SlowSegmenter())
    model.set_image(Image.new("RGB", (40, 30)))
    start = time.perf_counter()
    model.predict(PROMPTS[:1])
    assert 50 <= model.detect_ms <= 1e3 * (time.perf_counter() - start) - 300


def test_each_box_of_each_phrase_becomes_a_mask_with_the_score_of_the_box():
    leaf_boxes = [(0.6, (-3, 1, 4, 4)), (0.5, (50, 1, 70, 4))]
    detector = FixedDetector({"apple": [(0.9, (1, 2, 9, 8)), (0.4, (5, 5, 60, 25))], "pear": [], "leaf": leaf_boxes})
    detector.warnings = ["a phrase was cut"]
    segmenter = BoxSegmenter()
    model = grounded.Grounded(detector, segmenter)
    model.set_image(Image.new("RGB", (40, 30)))
    predictions = model.predict(PROMPTS)
    assert detector.image_size == segmenter.image_size == (40, 30)
    # Boxes are clipped to the image; those outside are dropped.
    assert [[(mask.score, mask.box) for mask in phrase_predictions] for phrase_predictions in predictions] == [
        [(0.9, (1, 2, 9, 8)), (0.4, (5, 5, 40, 25))],
        [],
        [],
    ]
    assert [prompt["kind"] for prompt in segmenter.prompts] == ["box"] * 3
    assert model.warnings == ["a phrase was cut"] and detector.warnings == []
    assert {mask.area for phrase_predictions in predictions for mask in phrase_predictions} == {7}


def test_segmenter_is_not_called_without_boxes():
    segmenter = BoxSegmenter()
    model = grounded.Grounded(FixedDetector({"apple": [], "pear": [], "leaf": []}), segmenter)
    model.set_image(Image.new("RGB", (40, 30)))
    assert model.predict(PROMPTS) == [[], [], []]
    assert not hasattr(segmenter, "prompts")


def test_sam3_and_sam2_together_equal_each_alone():
    torch.manual_seed(0)
    pixels = np.random.default_rng(0).integers(0, 90, (120, 160, 3), np.uint8)
    rows, columns = np.mgrid[:120, :160]
    for y, x in ((40, 40), (70, 110)):
        pixels[(rows - y) ** 2 + (columns - x) ** 2 < 300] = (200, 30, 30)
    image = Image.fromarray(pixels)
    model = grounded.open_model({"parts": COMPONENTS}, WEIGHTS, "cpu")
    detector = sam3.open_model(COMPONENTS["detector"], WEIGHTS["detector"], "cpu")
    segmenter = sam2.open_model(COMPONENTS["segmenter"], WEIGHTS["segmenter"], "cpu")
    for component in (model, detector, segmenter):
        component.set_image(image)
    n_compared = 0
    for masks, detections in zip(model.predict(PROMPTS[:2]), detector.predict(PROMPTS[:2]), strict=True):
        scores = [mask.score for mask in masks]
        assert scores == pytest.approx([detection.score for detection in detections], abs=1e-5)
        for mask, detection in zip(masks, detections, strict=True):
            x0, y0, x1, y1 = (max(edge, 0) for edge in detection.box)
            box = {"x0": x0, "y0": y0, "x1": min(x1, 160), "y1": min(y1, 120), "label": 1}
            ((expected,),) = segmenter.predict([{"kind": "box", "points": None, "mask": None, "boxes": [box]}])
            assert abs(mask.area - expected.area) <= 0.002 * expected.area + 1
            n_compared += 1
    assert n_compared
