"""The options for speed: their predictions stay close to those in 32-bit floats, with the demo's weights."""

import functools
import shutil

import pytest
import torch
from pycocotools import mask as coco_mask

from samgap.errors import UserError
from samgap.models.runtime import precision
from samgap.models.runtime.precision import Precision
from samgap.models.sam2 import image as sam2
from samgap.models.sam3 import image as sam3
from samgap.models.sam3.build import build_small
from tests.helpers.demo_weights import SAM2_OPTIONS, SAM2_WEIGHTS, SAM3_OPTIONS, SAM3_WEIGHTS, sam2_options
from tests.helpers.pictures import render_scene

TOLERANCES = {
    # Option: value, IoU that 90 % of the masks reach, their lowest mean IoU, largest difference of a score.
    "precision": ("bf16", 0.9, 0.9, 0.05),
    "channels-last": (True, 0.999, 0.999, 1e-3),
}
SIDE = render_scene(0)[0].width
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++"))),
    reason="torch.compile on a CPU needs a C++ compiler, and there is none",
)


@pytest.fixture(scope="module")
def scenes():
    return [render_scene(seed) for seed in range(2)]


def predict(family, options, weights, scenes, make_prompts):
    model = family.open_model(options, weights, "cpu")
    predictions = []
    for image, boxes in scenes:
        model.set_image(image)
        predictions += [list(prompt_predictions) for prompt_predictions in model.predict(make_prompts(boxes))]
    return predictions


def make_box_prompts(boxes):
    return [{"kind": "box", "boxes": [box], "points": None} for box in boxes]


def make_phrase_prompts(boxes):
    return [{"kind": "phrase", "phrase": phrase} for phrase in ("apple", "ripe apple", "pear")]


FAMILIES = {
    "sam2": (sam2, SAM2_OPTIONS, SAM2_WEIGHTS, make_box_prompts),
    "sam3": (sam3, SAM3_OPTIONS, SAM3_WEIGHTS, make_phrase_prompts),
}


def compute_iou(first, second):
    first, second = ([{"size": [SIDE, SIDE], "counts": prediction.rle}] for prediction in (first, second))
    return coco_mask.iou(first, second, [0])[0, 0]


@pytest.fixture(scope="module")
def fp32_predictions(scenes):
    return {
        name: predict(family, options, weights, scenes, make_prompts)
        for name, (family, options, weights, make_prompts) in FAMILIES.items()
    }


@pytest.mark.parametrize("option", TOLERANCES)
@pytest.mark.parametrize("name", FAMILIES)
def test_predictions_stay_within_the_tolerance(name, option, scenes, fp32_predictions):
    value, min_iou, min_mean_iou, max_difference = TOLERANCES[option]
    family, options, weights, make_prompts = FAMILIES[name]
    predictions = predict(family, {**options, option: value}, weights, scenes, make_prompts)
    assert len(predictions) == len(fp32_predictions[name])
    ious = []
    for fast_masks, fp32_masks in zip(predictions, fp32_predictions[name], strict=True):
        for fp32_mask in fp32_masks:
            if fp32_mask.score >= 0.3:
                # Several detections may have almost the same mask; the closest score identifies the matching one.
                match = max(fast_masks, key=lambda mask, b=fp32_mask: compute_iou(b, mask) - abs(b.score - mask.score))
                ious.append(compute_iou(fp32_mask, match))
                assert abs(match.score - fp32_mask.score) <= max_difference
    assert len(ious) >= 8
    assert sorted(ious)[len(ious) // 10] >= min_iou
    assert sum(ious) / len(ious) >= min_mean_iou


@needs_compiler
@pytest.mark.parametrize("backend", ["eager", pytest.param("inductor", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FAMILIES)
def test_compiled_encoder_gives_the_same_predictions(name, backend, scenes, tmp_path, monkeypatch):
    """With random models of few layers, as compiling the demo's takes minutes.

    Backend `eager` captures the encoder's graph and runs it without generated code. `inductor`, the default of
    torch.compile, also generates C++, which takes up to two minutes.
    """
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    family, _, _, make_prompts = FAMILIES[name]
    torch.manual_seed(2)
    if name == "sam2":
        options = sam2_options(
            model__image_size=128,
            model__image_encoder__trunk__stages="[1,1,2,1]",
            model__image_encoder__trunk__global_att_blocks="[3]",
        )
        state_dict = sam2.build_model(options, "cpu").state_dict()
    else:
        options = {"architecture": {**SAM3_OPTIONS["architecture"], "depth": 2}}
        state_dict = build_small(options["architecture"]).state_dict()
    torch.save({"model": state_dict}, tmp_path / "w.pt")
    plain = predict(family, options, tmp_path / "w.pt", scenes[:1], make_prompts)
    n_graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    compiled = predict(family, {**options, "compile": True}, tmp_path / "w.pt", scenes[:1], make_prompts)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > n_graphs
    pairs = [pair for masks in zip(compiled, plain, strict=True) for pair in zip(*masks, strict=True)]
    assert len(pairs) >= 6
    assert min(compute_iou(*pair) for pair in pairs) >= 0.999
    assert max(abs(first.score - second.score) for first, second in pairs) <= 1e-3


def test_autocast_uses_bf16_only_if_set():
    for name, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        with Precision(name).autocast("cpu"):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_channels_last_applies_to_weights_and_images():
    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 4, 3)

        def forward(self, pixels):
            self.last_input = pixels
            return self.layer(pixels)

    encoder = Encoder()
    Precision(channels_last=True).prepare_encoder(encoder, "cpu")
    encoder(torch.ones(1, 3, 8, 8))
    assert encoder.last_input.is_contiguous(memory_format=torch.channels_last)
    assert not encoder.last_input.is_contiguous()
    assert encoder.layer.weight.is_contiguous(memory_format=torch.channels_last)


def test_compile_without_a_compiler_is_a_user_error(monkeypatch):
    monkeypatch.setattr(precision.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"compile: true, but there is no C\+\+ compiler on this machine"):
        Precision(compiled=True).prepare_encoder(torch.nn.Linear(1, 1), "cpu")
    Precision().prepare_encoder(torch.nn.Linear(1, 1), "cpu")


def test_options_are_read_from_the_configuration_entry():
    assert Precision.from_options({}) == Precision() == Precision("fp32", False, False)
    assert Precision.from_options({"precision": "bf16", "compile": True, "channels-last": True}) == Precision(
        "bf16", True, True
    )
