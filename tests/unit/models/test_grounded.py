"""Boxes found by one model, turned into masks by another."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from samgap.models import Prediction, grounded
from samgap.models.sam2 import image as sam2
from samgap.models.sam3 import image as sam3

DEMO = Path(__file__).parents[3] / "config" / "demo"
PARTS = {
    "detector": {
        "family": "sam3",
        "architecture": yaml.safe_load((DEMO / "sam3-demo.architecture.yaml").read_text()),
    },
    "segmenter": {
        "family": "sam2",
        "config": "configs/sam2.1/sam2.1_hiera_t.yaml",
        "overrides": yaml.safe_load((DEMO / "sam2-demo.overrides.yaml").read_text()),
    },
}
WEIGHTS = {"detector": DEMO / "sam3-demo.pt", "segmenter": DEMO / "sam2-demo.pt"}
PROMPTS = [{"kind": "phrase", "phrase": phrase, "points": None, "boxes": None} for phrase in ("apple", "pear", "leaf")]


class Finds:
    """A detector that finds the given boxes, phrase by phrase."""

    def __init__(self, found):
        self.found = found

    def set_image(self, image):
        self.seen = image.size

    def predict(self, prompts):
        return [[Prediction(score, box, 0, b"") for score, box in self.found[prompt["phrase"]]] for prompt in prompts]


class Cuts(Finds):
    """A segmenter that answers a box by itself, and a box at the left edge not at all."""

    def predict(self, prompts):
        self.asked = prompts
        boxes = [tuple(prompt["boxes"][0][edge] for edge in ("x0", "y0", "x1", "y1")) for prompt in prompts]
        return [[Prediction(0.1, box, 7, b"rle")] if box[0] else [] for box in boxes]


def test_each_box_of_each_phrase_becomes_a_mask_with_the_boxs_score():
    leaf = [(0.6, (-3, 1, 4, 4)), (0.5, (50, 1, 70, 4))]
    detector = Finds({"apple": [(0.9, (1, 2, 9, 8)), (0.4, (5, 5, 60, 25))], "pear": [], "leaf": leaf})
    detector.warnings = ["a phrase was cut"]
    segmenter = Cuts({})
    model = grounded.Grounded(detector, segmenter)
    model.set_image(Image.new("RGB", (40, 30)))
    found = model.predict(PROMPTS)
    assert detector.seen == segmenter.seen == (40, 30)
    # Boxes are cut at the image; one that lies outside is not asked.
    assert [[(one.score, one.box) for one in of_phrase] for of_phrase in found] == [
        [(0.9, (1, 2, 9, 8)), (0.4, (5, 5, 40, 25))],
        [],
        [],
    ]
    assert [prompt["kind"] for prompt in segmenter.asked] == ["box"] * 3
    assert model.warnings == ["a phrase was cut"] and detector.warnings == []
    assert {one.area for of_phrase in found for one in of_phrase} == {7}


def test_nothing_found_asks_nothing():
    segmenter = Cuts({})
    model = grounded.Grounded(Finds({"apple": [], "pear": [], "leaf": []}), segmenter)
    model.set_image(Image.new("RGB", (40, 30)))
    assert model.predict(PROMPTS) == [[], [], []]
    assert not hasattr(segmenter, "asked")


def test_sam3_finds_and_sam2_cuts_as_each_does_by_itself():
    torch.manual_seed(0)
    pixels = np.random.default_rng(0).integers(0, 90, (120, 160, 3), np.uint8)
    yy, xx = np.mgrid[:120, :160]
    for y, x in ((40, 40), (70, 110)):
        pixels[(yy - y) ** 2 + (xx - x) ** 2 < 300] = (200, 30, 30)
    image = Image.fromarray(pixels)
    model = grounded.open_model({"parts": PARTS}, WEIGHTS, "cpu")
    model.set_image(image)
    found = model.predict(PROMPTS[:2])
    detector = sam3.open_model(PARTS["detector"], WEIGHTS["detector"], "cpu")
    segmenter = sam2.open_model(PARTS["segmenter"], WEIGHTS["segmenter"], "cpu")
    for each in (detector, segmenter):
        each.set_image(image)
    compared = 0
    for of_phrase, boxes in zip(found, detector.predict(PROMPTS[:2]), strict=True):
        assert [one.score for one in of_phrase] == pytest.approx([one.score for one in boxes], abs=1e-5)
        for one, box in zip(of_phrase, boxes, strict=True):
            x0, y0, x1, y1 = (max(edge, 0) for edge in box.box)
            asked = {"x0": x0, "y0": y0, "x1": min(x1, 160), "y1": min(y1, 120), "label": 1}
            ((alone,),) = segmenter.predict([{"kind": "box", "points": None, "mask": None, "boxes": [asked]}])
            assert abs(one.area - alone.area) <= 0.002 * alone.area + 1
            compared += 1
    assert compared
