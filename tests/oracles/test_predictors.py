"""SAM2 and SAM3 with the demo's weights against the packages' predictors, on drawn scenes.

Each kind of prompts is compared for several batch sizes. Two runs with equal batches give equal bytes.
"""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from samgap.models.runtime.device import cuda_shim
from samgap.models.runtime.rle_workers import rle_worker_pool
from samgap.models.sam2 import image as sam2
from samgap.models.sam3 import image as sam3
from tests.helpers.demo_weights import SAM2_OPTIONS, SAM2_WEIGHTS, SAM3_OPTIONS, SAM3_WEIGHTS, decode
from tests.helpers.package_prompts import to_package_inputs
from tests.helpers.pictures import BOX_KEYS, render_scene

# isort: split
from sam3.model.sam3_image_processor import Sam3Processor

SIDE = 320
PHRASES = ("apple", "ripe apple", "unripe apple", "pear", "a leaf on a branch")
PHRASE_PROMPTS = [{"kind": "phrase", "phrase": phrase} for phrase in PHRASES]


@pytest.fixture(scope="module")
def sam2_model():
    return sam2.open_model(SAM2_OPTIONS, SAM2_WEIGHTS, "cpu")


@pytest.fixture(scope="module")
def sam3_model():
    return sam3.open_model(SAM3_OPTIONS, SAM3_WEIGHTS, "cpu")


@pytest.fixture(scope="module")
def scenes():
    return [render_scene(seed, SIDE) for seed in (11, 12, 14)]


def make_spatial_prompts(kind, boxes, rng):
    """Yield random prompts near the boxes, each with the arguments of the package's predictor."""
    for box in boxes:
        x0, y0, x1, y1 = (float(box[edge] + rng.normal(0, 3)) for edge in BOX_KEYS)
        box = dict(zip(BOX_KEYS, (max(x0, 0), max(y0, 0), min(x1, SIDE), min(y1, SIDE)), strict=True), label=1)
        n_points = {"point": 1, "points": 3, "point-box": 2, "mask": 0, "box": 0}[kind]
        points = [
            {"x": rng.integers(x0, x1) + 0.5, "y": rng.integers(y0, y1) + 0.5, "label": int(index < 2)}
            for index in range(n_points)
        ]
        prompt = {
            "kind": "point" if kind == "points" else kind,
            "points": points or None,
            "boxes": [box] if "box" in kind else None,
            "mask": None,
        }
        if kind == "mask":
            mask = np.zeros((SIDE, SIDE), np.uint8)
            mask[int(y0) : int(y1), int(x0) : int(x1)] = 1
            prompt["mask"] = coco_mask.encode(np.asfortranarray(mask))["counts"]
        yield prompt, to_package_inputs(prompt)


def compute_tolerant_iou(prediction, expected):
    """Return the IoU, ignoring one differing pixel: a logit of 0 may have either sign, and small masks few pixels."""
    mask = decode(prediction, SIDE, SIDE)
    return 1 - max((mask ^ expected).sum() - 1, 0) / max((mask | expected).sum(), 1)


@pytest.mark.parametrize("batch_size", [1, 3, 32])
@pytest.mark.parametrize("kind", ["box", "point", "points", "point-box", "mask"])
def test_sam2_equals_the_packages_predictor(sam2_model, scenes, kind, batch_size, monkeypatch):
    monkeypatch.setattr(sam2_model.prompt_batcher, "max_size", batch_size)
    rng = np.random.default_rng(batch_size)
    n_compared = 0
    for image, boxes in scenes:
        prompts, package_inputs = zip(*make_spatial_prompts(kind, boxes, rng), strict=True)
        sam2_model.set_image(image)
        with rle_worker_pool(2):
            predictions = [list(prompt_predictions) for prompt_predictions in sam2_model.predict(prompts)]
        for prompt, inputs, prompt_predictions in zip(prompts, package_inputs, predictions, strict=True):
            if prompt["mask"]:
                inputs["mask_input"] = sam2_model.rles_to_mask_inputs([prompt["mask"]])[0].numpy()
            multimask = kind in ("point", "mask")
            masks, quality, _ = sam2_model.predictor.predict(multimask_output=multimask, **inputs)
            best = int(np.argmax(quality))
            if masks[best].any():
                assert compute_tolerant_iou(prompt_predictions[0], masks[best].astype(bool)) >= 0.999
                assert prompt_predictions[0].score == pytest.approx(np.clip(quality[best], 0, 1), abs=1e-3)
                n_compared += 1
    assert n_compared >= 12


@pytest.mark.parametrize("batch_size", [1, 2, 64])
@pytest.mark.parametrize("kind", ["phrase", "exemplar"])
def test_sam3_equals_the_packages_processor(sam3_model, scenes, kind, batch_size, monkeypatch):
    monkeypatch.setattr(sam3_model.prompt_batcher, "max_size", batch_size)
    n_compared = 0
    with cuda_shim("cpu"):
        processor = Sam3Processor(sam3_model.model, sam3_model.image_size, "cpu", confidence_threshold=sam3.MIN_SCORE)
    for image, boxes in scenes[:2]:
        prompts = PHRASE_PROMPTS
        if kind == "exemplar":
            prompts = [{**prompt, "boxes": boxes[: 1 + index % 3]} for index, prompt in enumerate(prompts)]
        sam3_model.set_image(image)
        with rle_worker_pool(2):
            predictions = [list(prompt_predictions) for prompt_predictions in sam3_model.predict(prompts)]
        with cuda_shim("cpu"):
            for prompt, prompt_predictions in zip(prompts, predictions, strict=True):
                state = processor.set_text_prompt(prompt["phrase"], processor.set_image(image))
                for box in prompt.get("boxes", []):
                    x0, y0, x1, y1 = (box[edge] / SIDE for edge in BOX_KEYS)
                    relative_box = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]
                    state = processor.add_geometric_prompt(relative_box, True, state)
                scores, masks = state["scores"].tolist(), state["masks"][:, 0].numpy()
                order = sorted((index for index, mask in enumerate(masks) if mask.any()), key=lambda i: -scores[i])
                # A score at the threshold may be on either side of it.
                assert abs(len(order) - len(prompt_predictions)) <= 1
                for prediction, index in zip(prompt_predictions, order, strict=False):
                    assert prediction.score == pytest.approx(scores[index], abs=1e-3)
                    candidates = [candidate for candidate in order if abs(scores[candidate] - prediction.score) < 1e-3]
                    assert max(compute_tolerant_iou(prediction, masks[candidate]) for candidate in candidates) >= 0.999
                    n_compared += 1
    assert n_compared >= 20


def test_equal_batches_give_equal_bytes_and_smaller_ones_equal_masks(sam2_model, sam3_model, scenes, monkeypatch):
    box_prompts = [{"kind": "box", "points": None, "boxes": [box]} for box in scenes[0][1]]
    for model, prompts in ((sam2_model, box_prompts), (sam3_model, PHRASE_PROMPTS)):
        runs = []
        for batch_size in (8, 8, 4, 2):
            monkeypatch.setattr(model.prompt_batcher, "max_size", batch_size)
            model.set_image(scenes[0][0])
            with rle_worker_pool(2):
                runs.append([list(prompt_predictions) for prompt_predictions in model.predict(prompts)])
        assert runs[0] == runs[1] and sum(map(len, runs[0])) >= 6
        for run in runs[2:]:
            for expected, predictions in zip(runs[0], run, strict=True):
                scores = [prediction.score for prediction in predictions]
                assert scores == pytest.approx([prediction.score for prediction in expected], abs=1e-3)
                for first, second in zip(expected, predictions, strict=True):
                    assert compute_tolerant_iou(first, decode(second, SIDE, SIDE)) >= 0.999
