"""SAM2 on single images against the package's predictor, on small random models."""

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.errors import UserError
from samgap.masks.clicks import find_next_click
from samgap.models.runtime import batching
from samgap.models.runtime.clicks import run_click_protocol
from samgap.models.runtime.weights import read_weights, to_half_precision
from samgap.models.sam2 import image as sam2
from tests.helpers.demo_weights import (
    SAM2_OPTIONS,
    SAM2_WEIGHTS,
    decode,
    draw_square,
    encode_rectangle,
    mask_iou,
    sam2_options,
)

WIDTH, HEIGHT = 90, 60
BOXES = [
    {"x0": 30, "y0": 20, "x1": 60, "y1": 45, "label": 1},
    {"x0": 5, "y0": 5, "x1": 25, "y1": 30, "label": 1},
    {"x0": 50, "y0": 10, "x1": 88, "y1": 58, "label": 1},
]
POINTS = [
    [{"x": 45.5, "y": 30.5, "label": 1}, {"x": 5.5, "y": 3.0, "label": 0}, {"x": 50.0, "y": 33.0, "label": 1}],
    [{"x": 12.0, "y": 15.0, "label": 1}, {"x": 70.0, "y": 40.0, "label": 0}, {"x": 13.0, "y": 14.0, "label": 1}],
    [{"x": 70.0, "y": 40.0, "label": 1}],
]
PROMPTS = {
    "box": [{"boxes": [box], "points": None} for box in BOXES],
    "point": [{"boxes": None, "points": points[:1]} for points in POINTS],
    "point-box": [{"boxes": [box], "points": points[:1]} for box, points in zip(BOXES, POINTS, strict=True)],
}


@pytest.fixture(scope="module")
def image():
    return Image.fromarray(draw_square(HEIGHT, WIDTH))


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
    points, boxes, mask = prompt["points"] or [], prompt["boxes"] or [], prompt.get("mask")
    inputs = {}
    if points:
        # The package takes the centre of the first pixel as 0; here it is 0.5.
        inputs["point_coords"] = np.array([[point["x"], point["y"]] for point in points]) - 0.5
        inputs["point_labels"] = np.array([point["label"] for point in points])
    if boxes:
        inputs["box"] = np.array([boxes[0][edge] for edge in ("x0", "y0", "x1", "y1")])
    if mask:
        inputs["mask_input"] = model.rles_to_mask_inputs([mask])[0].numpy()
    masks, quality, _ = model.predictor.predict(multimask_output=len(points) + 2 * len(boxes) <= 1, **inputs)
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
    mask = encode_rectangle(HEIGHT, WIDTH, slice(20, 40), slice(30, 55))
    prompts = [
        {"kind": "point", "points": POINTS[0], "boxes": None},
        {"kind": "box", "points": None, "boxes": [BOXES[0]]},
        {"kind": "point", "points": POINTS[1][:1], "boxes": None},
        {"kind": "mask", "points": None, "boxes": None, "mask": mask},
        {"kind": "point", "points": POINTS[1], "boxes": None},
        {"kind": "mask", "points": POINTS[0][:1], "boxes": None, "mask": mask},
    ]
    assert_equals_package(small_model, prompts, small_model.predict(prompts))


def test_mask_input_has_a_quarter_of_the_input_size_and_is_positive_inside(small_model):
    rle = encode_rectangle(HEIGHT, WIDTH, slice(20, 40), slice(30, 55))
    mask_input = small_model.rles_to_mask_inputs([rle])
    assert mask_input.shape == (1, 1, 32, 32)
    assert mask_input.min() == -sam2.MASK_INPUT_LOGIT and mask_input.max() == sam2.MASK_INPUT_LOGIT
    inside = (mask_input[0, 0] > 0).float().mean().item()
    assert inside == pytest.approx(20 * 25 / (HEIGHT * WIDTH), abs=0.02)


def test_clicks_continue_from_the_mask_before_as_in_the_package(small_model):
    ground_truth_masks = []
    for left in (30, 5):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[20:45, left : left + 25] = True
        ground_truth_masks.append(mask)
    prompts = [{"kind": "clicks", "points": points[:1], "clicks": 4} for points in POINTS[:2]]
    all_series = run_click_protocol(small_model, prompts, ground_truth_masks)
    for prompt, ground_truth_mask, series in zip(prompts, ground_truth_masks, all_series, strict=True):
        assert len(series) == 4
        clicks, mask_input = list(prompt["points"]), None
        for prediction in series:
            masks, quality, logits = small_model.predictor.predict(
                point_coords=np.array([[click["x"], click["y"]] for click in clicks]) - 0.5,
                point_labels=np.array([click["label"] for click in clicks]),
                mask_input=mask_input,
                multimask_output=mask_input is None,
            )
            best = int(np.argmax(quality))
            mask, expected = decode(prediction, HEIGHT, WIDTH), masks[best].astype(bool)
            assert mask_iou(mask, expected) >= 0.999 or not expected.any()
            mask_input = logits[[best]]
            clicks.append(find_next_click(ground_truth_mask, mask))


def test_weights_that_do_not_fit_are_listed(weights, tmp_path):
    state_dict = dict(torch.load(weights, weights_only=True)["model"])
    state_dict["stray"] = state_dict.pop("no_mem_embed")
    torch.save({"model": state_dict}, tmp_path / "wrong.pt")
    with pytest.raises(UserError, match="1 missing: no_mem_embed; 1 unexpected: stray"):
        sam2.open_model(SAM2_OPTIONS, tmp_path / "wrong.pt", "cpu")


def test_unreadable_weights_are_a_user_error(tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"<html>not found</html>")
    with pytest.raises(UserError, match="not a readable weights file"):
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
