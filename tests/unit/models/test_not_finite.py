"""Outputs of a network that are NaN or infinite give NaN scores in every family, never empty or missing masks."""

import math

import pytest
import torch
from PIL import Image

from samgap.models import NOT_FINITE, Prediction, grounded, owlv2, sam2, sam3
from samgap.models.runtime.clicks import run_click_protocol
from samgap.models.sam3.build import build_small
from tests.helpers.demo_weights import (
    OWLV2_OPTIONS,
    SAM2_OPTIONS,
    SAM2_WEIGHTS,
    SAM3_OPTIONS,
    SAM3_WEIGHTS,
    SMALLER_ARCHITECTURE,
    draw_square,
)

WIDTH, HEIGHT = 90, 60
EMPTY = {"points": None, "boxes": None, "mask": None, "phrase": None}
BOX = {**EMPTY, "kind": "box", "boxes": [{"x0": 30, "y0": 20, "x1": 60, "y1": 45, "label": 1}]}
POINT = {**EMPTY, "kind": "point", "points": [{"x": 45.0, "y": 30.0, "label": 1}]}
GRID = {**EMPTY, "kind": "grid", "points": [{"x": 45.0, "y": 30.0, "label": 1}, {"x": 9.0, "y": 9.0, "label": 1}]}
CLICKS = {**POINT, "kind": "clicks", "clicks": 2}
PHRASE = {**EMPTY, "kind": "phrase", "phrase": "apple"}
EXEMPLAR = {**BOX, "kind": "phrase", "phrase": "apple"}


@pytest.fixture(scope="module")
def image():
    return Image.fromarray(draw_square(HEIGHT, WIDTH))


@pytest.fixture(scope="module")
def sam3_weights(tmp_path_factory):
    torch.manual_seed(4)
    path = tmp_path_factory.mktemp("sam3") / "weights.pt"
    torch.save({"model": build_small(SMALLER_ARCHITECTURE, interactive=True).state_dict()}, path)
    return path


def spoil(module, value=math.nan):
    """Set the last bias of a module to a value that is not finite."""
    with torch.no_grad():
        list(module.parameters())[-1].fill_(value)


def assert_all_not_finite(predictions_by_prompt):
    predictions_by_prompt = [list(predictions) for predictions in predictions_by_prompt]
    assert predictions_by_prompt
    for predictions in predictions_by_prompt:
        assert any(math.isnan(prediction.score) for prediction in predictions)


# The head of the predicted IoU ends with a sigmoid, which is finite for infinity; so do box heads below.
@pytest.mark.parametrize(
    ("part", "value"),
    [("iou_prediction_head", math.nan), *(("output_upscaling", value) for value in (math.nan, math.inf, -math.inf))],
)
def test_sam2(image, part, value):
    model = sam2.open_model(SAM2_OPTIONS, SAM2_WEIGHTS, "cpu")
    spoil(getattr(model.model.sam_mask_decoder, part), value)
    model.set_image(image)
    assert_all_not_finite(model.predict([BOX, POINT, GRID]))
    assert_all_not_finite(run_click_protocol(model, [CLICKS], [draw_square(HEIGHT, WIDTH)[..., 0] > 190]))


@pytest.mark.parametrize("part", ["pred_obj_score_head", "output_upscaling"])
def test_the_tracker_of_sam2(image, part):
    tracker = sam2.open_tracker(SAM2_OPTIONS, SAM2_WEIGHTS, "cpu")
    spoil(getattr(tracker.model.sam_mask_decoder, part))
    outputs = [output for output in tracker.track([image] * 3, [(0, BOX)]) if output.predictions is not None]
    assert len(outputs) == 3
    assert_all_not_finite(output.predictions[0] for output in outputs)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "part",
    ["dot_prod_scoring", "transformer.decoder.presence_token_head", "segmentation_head.mask_predictor"],
)
def test_sam3(image, part, value):
    model = sam3.open_model(SAM3_OPTIONS, SAM3_WEIGHTS, "cpu")
    spoil(model.model.get_submodule(part), value)
    model.set_image(image)
    assert_all_not_finite(model.predict([PHRASE, EXEMPLAR]))


def test_the_tracker_and_the_interactive_head_of_sam3(image, sam3_weights):
    options = {"architecture": SMALLER_ARCHITECTURE, "interactive": True}
    model = sam3.open_model(options, sam3_weights, "cpu")
    spoil(model.interactive_head.model.sam_mask_decoder.output_upscaling)
    model.set_image(image)
    assert_all_not_finite(model.predict([BOX, POINT]))
    tracker = sam3.open_tracker(options, sam3_weights, "cpu")
    spoil(tracker.model.sam_mask_decoder.pred_obj_score_head)
    outputs = [output for output in tracker.track([image] * 3, [(0, BOX)]) if output.predictions is not None]
    assert_all_not_finite(output.predictions[0] for output in outputs)


@pytest.mark.parametrize(
    ("part", "value"), [("class_head", math.nan), ("class_head", math.inf), ("box_head", math.nan)]
)
def test_owlv2(image, tmp_path, part, value):
    torch.manual_seed(3)
    torch.save(owlv2.build_model(OWLV2_OPTIONS).state_dict(), tmp_path / "weights.pt")
    model = owlv2.open_model(OWLV2_OPTIONS, tmp_path / "weights.pt", "cpu")
    spoil(getattr(model.model, part), value)
    model.set_image(image)
    assert_all_not_finite(model.predict([PHRASE, {**PHRASE, "phrase": "pear"}]))


class FixedModel:
    def __init__(self, predictions):
        self.predictions = predictions

    def set_image(self, image):
        pass

    def predict(self, prompts):
        return [self.predictions for _ in prompts]


def test_both_components_of_grounded(image):
    found = Prediction(0.8, (10.0, 10.0, 20.0, 20.0), 100, b"01")
    for detector, segmenter in (([found, NOT_FINITE], [found]), ([found, found], [NOT_FINITE])):
        model = grounded.Grounded(FixedModel(detector), FixedModel(segmenter))
        model.set_image(image)
        assert_all_not_finite(model.predict([PHRASE]))
    model = grounded.Grounded(FixedModel([found, NOT_FINITE]), FixedModel([found]))
    model.set_image(image)
    (predictions,) = model.predict([PHRASE])
    assert [prediction.score for prediction in predictions] == pytest.approx([0.8, math.nan], nan_ok=True)
