"""SAM2 on single images against the package's predictor, on small random models."""

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.errors import UserError
from samgap.models.runtime import batching
from samgap.models.runtime.weights import read_weights, to_half_precision
from samgap.models.sam2 import image as sam2
from tests.helpers.demo_weights import (
    SAM2_OPTIONS,
    SAM2_WEIGHTS,
    decode,
    mask_iou,
    sam2_options,
)
from tests.helpers.package_prompts import (
    BOXES,
    HEIGHT,
    MASK,
    POINTS,
    PROMPTS,
    WIDTH,
    allows_several_masks,
    assert_clicks_equal_the_packages,
    to_package_inputs,
)


@pytest.fixture(scope="module")
def small_model(image):
    """A model of 128 px with an encoded image."""
    torch.manual_seed(3)
    model = sam2.Sam2(sam2.build_model(sam2_options(model__image_size=128), "cpu").eval())
    model.set_image(image)
    return model


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("sam2") / "weights.pt"
    torch.save({"model": sam2.build_model(SAM2_OPTIONS, "cpu").state_dict()}, path)
    return path


@pytest.fixture
def model(image, weights):
    """A model of the demo's size, opened from a file."""
    model = sam2.open_model(SAM2_OPTIONS, weights, "cpu")
    model.set_image(image)
    return model


def predict_with_package(model, prompt):
    """Return the best mask and its predicted IoU (0 to 1) from the package's predictor, one prompt at a time."""
    inputs = to_package_inputs(prompt)
    if prompt.get("mask"):
        inputs["mask_input"] = model.rles_to_mask_inputs([prompt["mask"]])[0].numpy()
    masks, quality, _ = model.predictor.predict(multimask_output=allows_several_masks(prompt), **inputs)
    best = int(np.argmax(quality))
    return masks[best].astype(bool), float(np.clip(quality[best], 0, 1))


def assert_equals_package(model, prompts, predictions):
    for prompt, (prediction,) in zip(prompts, predictions, strict=True):
        expected_mask, expected_score = predict_with_package(model, prompt)
        assert prediction.score == pytest.approx(expected_score, abs=1e-4)
        assert mask_iou(decode(prediction, HEIGHT, WIDTH), expected_mask) >= 0.999


@pytest.mark.parametrize("kind", PROMPTS)
def test_predictions_equal_those_of_the_package(model, kind):
    assert_equals_package(model, PROMPTS[kind], model.predict(PROMPTS[kind]))


def test_predictions_do_not_depend_on_the_batch_size(model):
    one_batch = model.predict(PROMPTS["box"])
    model.prompt_batcher.max_size = 2
    two_batches = model.predict(PROMPTS["box"])
    for (first,), (second,) in zip(one_batch, two_batches, strict=True):
        assert first.score == pytest.approx(second.score, abs=1e-4)
        assert mask_iou(decode(first, HEIGHT, WIDTH), decode(second, HEIGHT, WIDTH)) >= 0.999


def test_prompts_of_several_forms_in_one_call_equal_those_of_the_package(small_model):
    prompts = [
        {"kind": "point", "points": POINTS[0], "boxes": None},
        {"kind": "box", "points": None, "boxes": [BOXES[0]]},
        {"kind": "point", "points": POINTS[1][:1], "boxes": None},
        {"kind": "mask", "points": None, "boxes": None, "mask": MASK},
        {"kind": "point", "points": POINTS[1], "boxes": None},
        {"kind": "mask", "points": POINTS[0][:1], "boxes": None, "mask": MASK},
    ]
    assert_equals_package(small_model, prompts, small_model.predict(prompts))


def test_mask_input_has_a_quarter_of_the_input_size_and_is_positive_inside(small_model):
    mask_input = small_model.rles_to_mask_inputs([MASK])
    assert mask_input.shape == (1, 1, 32, 32)
    assert mask_input.min() == -sam2.MASK_INPUT_LOGIT and mask_input.max() == sam2.MASK_INPUT_LOGIT
    inside = (mask_input[0, 0] > 0).float().mean().item()
    assert inside == pytest.approx(20 * 25 / (HEIGHT * WIDTH), abs=0.02)


def test_clicks_continue_from_the_mask_before_as_in_the_package(small_model):
    assert_clicks_equal_the_packages(small_model, 4, small_model.predictor.predict)


def test_weights_that_do_not_fit_are_listed(weights, tmp_path):
    state_dict = dict(torch.load(weights, weights_only=True)["model"])
    state_dict["stray"] = state_dict.pop("no_mem_embed")
    torch.save({"model": state_dict}, tmp_path / "wrong.pt")
    with pytest.raises(UserError, match="1 missing: no_mem_embed; 1 unexpected: stray"):
        sam2.open_model(SAM2_OPTIONS, tmp_path / "wrong.pt", "cpu")


def test_unreadable_weights_are_a_user_error(tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"<html>not found</html>")
    with pytest.raises(UserError, match="not a weights file: it is a web page"):
        sam2.open_model(SAM2_OPTIONS, tmp_path / "weights.pt", "cpu")


def test_half_precision_file_is_half_the_size_and_loads_in_full_precision(weights, tmp_path):
    torch.save({"model": to_half_precision(read_weights(weights)["model"])}, tmp_path / "half.pt")
    assert (tmp_path / "half.pt").stat().st_size < 0.6 * weights.stat().st_size
    model = sam2.open_model(SAM2_OPTIONS, tmp_path / "half.pt", "cpu")
    assert model.predictor.model.no_mem_embed.dtype == torch.float32


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (8000, 8000)])
def test_images_of_extreme_sizes_have_valid_predictions(size):
    width, height = size
    prompts = [
        {"kind": "box", "points": None, "boxes": [{"x0": 0, "y0": 0, "x1": width, "y1": height, "label": 1}]},
        {"kind": "point", "points": [{"x": width / 2, "y": height / 2, "label": 1}], "boxes": None},
    ] * 2
    model = sam2.open_model(SAM2_OPTIONS, SAM2_WEIGHTS, "cpu")
    model.set_image(Image.new("RGB", size, (180, 60, 50)))
    for prediction in (prediction for predictions in model.predict(prompts) for prediction in predictions):
        assert 0 < prediction.area == decode(prediction, height, width).sum() <= width * height


def test_large_images_have_smaller_batches(model, monkeypatch):
    monkeypatch.setattr(batching, "get_free_memory_bytes", lambda device: 3e9)
    batch_sizes = []
    for side in (200, 8000):
        model.set_image(Image.new("RGB", (side, side)))
        batch_sizes.append(model.prompt_batcher.compute_batch_size(model.bytes_per_prompt))
    assert batch_sizes[0] == sam2.MAX_PROMPTS_PER_BATCH and batch_sizes[1] < batch_sizes[0]


@pytest.fixture
def model_of_all_masks(image, weights):
    model = sam2.open_model({**SAM2_OPTIONS, "keep": "all-masks"}, weights, "cpu")
    model.set_image(image)
    return model


def test_all_masks_of_a_point_are_those_of_the_package_and_the_chosen_one_is_first(model, model_of_all_masks):
    all_masks, chosen = model_of_all_masks.predict(PROMPTS["point"]), model.predict(PROMPTS["point"])
    for prompt, predictions, (best,) in zip(PROMPTS["point"], all_masks, chosen, strict=True):
        masks, quality, _ = model.predictor.predict(multimask_output=True, **to_package_inputs(prompt))
        order = np.argsort(-quality, kind="stable")
        assert len(predictions) == 3
        for prediction, index in zip(predictions, order, strict=True):
            assert prediction.score == pytest.approx(float(np.clip(quality[index], 0, 1)), abs=1e-4)
            mask, expected = decode(prediction, HEIGHT, WIDTH), masks[index].astype(bool)
            assert prediction.area == mask.sum() and (not expected.any() or mask_iou(mask, expected) >= 0.999)
        assert (predictions[0].score, predictions[0].rle) == (best.score, best.rle)


@pytest.mark.parametrize("kind", ["box", "point-box"])
def test_an_unambiguous_prompt_has_one_mask(model, model_of_all_masks, kind):
    all_masks, chosen = model_of_all_masks.predict(PROMPTS[kind]), model.predict(PROMPTS[kind])
    assert [list(masks) for masks in all_masks] == [list(masks) for masks in chosen]
    assert {len(masks) for masks in all_masks} == {1}


def test_an_empty_mask_that_is_chosen_stays_the_first_of_all(model_of_all_masks, model, monkeypatch):
    def decode_masks(batch, multimask):
        logits = torch.full((len(batch.point_coords), 3, 32, 32), -1.0)
        logits[:, 0] = 1.0
        return logits, torch.tensor([[0.2, 0.9, 0.5]]).expand(len(logits), 3)

    for opened in (model_of_all_masks, model):
        monkeypatch.setattr(opened, "_decode_masks", decode_masks)
    (masks,) = model_of_all_masks.predict(PROMPTS["point"][:1])
    assert [(round(mask.score, 2), mask.area) for mask in masks] == [(0.9, 0), (0.5, 0), (0.2, HEIGHT * WIDTH)]
    (chosen,) = model.predict(PROMPTS["point"][:1])
    assert list(chosen) == []
