"""Options for speed give the answers of plain 32-bit floats, within what is said here, with the demo's own weights."""

import shutil
from pathlib import Path

import pytest
import torch
import yaml
from pycocotools import mask as coco_mask

from samgap.errors import UserError
from samgap.models.runtime import precision as _speed
from samgap.models.runtime.precision import Precision
from samgap.models.sam2 import image as sam2
from samgap.models.sam3 import build
from samgap.models.sam3 import image as sam3
from tests.helpers.pictures import render_scene

DEMO = Path(__file__).parents[3] / "config" / "demo"
SAM2 = {
    "config": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "overrides": yaml.safe_load((DEMO / "sam2-demo.overrides.yaml").read_text()),
}
SAM3 = {"architecture": yaml.safe_load((DEMO / "sam3-demo.architecture.yaml").read_text())}
FEW_LAYERS = {
    "model.image_size": 128,
    "model.image_encoder.trunk.stages": "[1,1,2,1]",
    "model.image_encoder.trunk.global_att_blocks": "[3]",
}
WAYS = {
    # Value, IoU that nine of ten masks have at least, lowest mean of them, largest difference of a score.
    "precision": ("bf16", 0.9, 0.9, 0.05),
    "channels-last": (True, 0.999, 0.999, 1e-3),
}


@pytest.fixture(scope="module")
def pictures():
    return [render_scene(seed) for seed in range(2)]


def _answers(family, options, weights, pictures, prompts):
    model = family.open_model(options, weights, "cpu")
    found = []
    for image, boxes in pictures:
        model.set_image(image)
        found += [list(one) for one in model.predict(prompts(boxes))]
    return found


def _boxes(boxes):
    return [{"kind": "box", "boxes": [box], "points": None} for box in boxes]


def _phrases(boxes):
    return [{"kind": "phrase", "phrase": phrase} for phrase in ("apple", "ripe apple", "pear")]


FAMILIES = {
    "sam2": (sam2, SAM2, DEMO / "sam2-demo.pt", _boxes),
    "sam3": (sam3, SAM3, DEMO / "sam3-demo.pt", _phrases),
}


@pytest.fixture(scope="module")
def plain(pictures):
    return {name: _answers(*each[:3], pictures, each[3]) for name, each in FAMILIES.items()}


@pytest.mark.parametrize("option", WAYS)
@pytest.mark.parametrize("name", FAMILIES)
def test_a_faster_way_finds_the_same(name, option, pictures, plain):
    value, least, mean, most = WAYS[option]
    family, options, weights, prompts = FAMILIES[name]
    found = _answers(family, {**options, option: value}, weights, pictures, prompts)
    assert len(found) == len(plain[name])
    overlaps = []
    for mine, theirs in zip(found, plain[name], strict=True):
        for one in theirs:
            if one.score >= 0.3:
                # Of answers with almost the same mask, the one that is meant has almost the same score.
                best = max(mine, key=lambda other, one=one: _iou(one, other) - abs(one.score - other.score))
                overlaps.append(_iou(one, best))
                assert abs(best.score - one.score) <= most
    assert len(overlaps) >= 8
    assert sorted(overlaps)[len(overlaps) // 10] >= least
    assert sum(overlaps) / len(overlaps) >= mean


@pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++"))),
    reason="torch.compile on a CPU needs a C++ compiler, and there is none",
)
@pytest.mark.parametrize("name", FAMILIES)
def test_a_compiled_encoder_finds_the_same(name, pictures, tmp_path):
    """On random models of few layers: compiling those of the demo takes minutes."""
    family, options, _, prompts = FAMILIES[name]
    torch.manual_seed(2)
    if name == "sam2":
        options = {**options, "overrides": {**options["overrides"], **FEW_LAYERS}}
        state = sam2.build_model(options, "cpu").state_dict()
    else:
        options = {"architecture": {**options["architecture"], "depth": 2}}
        state = build.build_small(options["architecture"]).state_dict()
    torch.save({"model": state}, tmp_path / "w.pt")
    plain = _answers(family, options, tmp_path / "w.pt", pictures[:1], prompts)
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    found = _answers(family, {**options, "compile": True}, tmp_path / "w.pt", pictures[:1], prompts)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > before
    pairs = [pair for two in zip(found, plain, strict=True) for pair in zip(*two, strict=True)]
    assert len(pairs) >= 6
    assert min(_iou(*pair) for pair in pairs) >= 0.999
    assert max(abs(one.score - other.score) for one, other in pairs) <= 1e-3


def _iou(one, other):
    size = [SIDE, SIDE]
    return coco_mask.iou([{"size": size, "counts": one.rle}], [{"size": size, "counts": other.rle}], [0])[0, 0]


SIDE = render_scene(0)[0].width


def test_bf16_is_bf16_and_fp32_is_not():
    for precision, kind in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        with Precision(precision).autocast("cpu"):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == kind


def test_channels_last_reaches_weights_and_images():
    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 4, 3)

        def forward(self, pixels):
            self.seen = pixels
            return self.layer(pixels)

    encoder = Encoder()
    Precision(channels_last=True).prepare_encoder(encoder, "cpu")
    encoder(torch.ones(1, 3, 8, 8))
    assert encoder.seen.is_contiguous(memory_format=torch.channels_last) and not encoder.seen.is_contiguous()
    assert encoder.layer.weight.is_contiguous(memory_format=torch.channels_last)


def test_compile_without_a_compiler_is_one_line(monkeypatch):
    monkeypatch.setattr(_speed.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="compile: true, but there is no C\\+\\+ compiler on this machine"):
        Precision(compiled=True).prepare_encoder(torch.nn.Linear(1, 1), "cpu")
    Precision().prepare_encoder(torch.nn.Linear(1, 1), "cpu")


def test_the_options_are_read_from_a_model_s_entry():
    assert Precision.from_options({}) == Precision() == Precision("fp32", False, False)
    assert Precision.from_options({"precision": "bf16", "compile": True, "channels-last": True}) == Precision(
        "bf16", True, True
    )
