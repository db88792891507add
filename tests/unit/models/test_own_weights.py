"""Files of people's own trainings load through every way to open a model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from samgap.errors import UserError
from samgap.models import grounded, owlv2, sam2, sam3
from samgap.models.sam3 import build as sam3_build
from samgap.models.sam3 import video as sam3_video
from samgap.models.sam3.build import build_small
from samgap.models.sam3.image_encoder import build_image_encoder
from samgap.models.sam3.tracker import build_small_tracker
from tests.helpers.demo_weights import (
    OWLV2_OPTIONS,
    SAM2_OPTIONS,
    SAM2_WEIGHTS,
    SAM3_OPTIONS,
    SAM3_WEIGHTS,
    SMALLER_ARCHITECTURE,
)

# isort: split
from sam3.model.vl_combiner import SAM3VLBackbone

PUBLISHED_OPTIONS: dict[str, Any] = {"interactive": True}
FORMS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "state dict": lambda state: state,
    "DDP": lambda state: {"model": {f"module.{key}": value for key, value in state.items()}},
    "Lightning": lambda state: {"state_dict": {f"model.{key}": value for key, value in state.items()}, "epoch": 4},
    "torch.compile": lambda state: {"ema": {f"_orig_mod.{key}": value for key, value in state.items()}},
    "numpy": lambda state: {"model": state, "best": np.float64(0.7)},
}


def read_state(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True)["model"]


def assert_loaded(model: torch.nn.Module, state: dict[str, Any]) -> None:
    loaded = model.state_dict()
    assert state and all(torch.equal(loaded[key], value.to(loaded[key].dtype)) for key, value in state.items())


@pytest.fixture(scope="module")
def image_state():
    """The weights of a small SAM3 with its interactive head, which stands for the published one."""
    torch.manual_seed(1)
    return build_small(SMALLER_ARCHITECTURE, interactive=True).state_dict()


@pytest.fixture
def small_published(monkeypatch):
    """The published models in a small size."""
    monkeypatch.setattr(
        sam3_build,
        "build_published",
        lambda device, interactive, tracks: build_small(SMALLER_ARCHITECTURE, interactive=interactive),
    )

    def build_tracker(**_):
        encoder = build_image_encoder(SMALLER_ARCHITECTURE, interactive=True)
        return build_small_tracker(SMALLER_ARCHITECTURE, SAM3VLBackbone(visual=encoder, text=None, scalp=1))

    monkeypatch.setattr(sam3_video, "build_tracker", build_tracker)
    monkeypatch.setattr(sam3_video, "disable_autocast", lambda tracker: tracker)


def to_published(state: dict[str, Any]) -> dict[str, Any]:
    head = "inst_interactive_predictor.model."
    return {
        f"tracker.{key.removeprefix(head)}" if key.startswith(head) else f"detector.{key}": value
        for key, value in state.items()
    }


@pytest.mark.parametrize("form", FORMS)
def test_sam2_loads_them(form, tmp_path):
    state, path = read_state(SAM2_WEIGHTS), tmp_path / "own.pt"
    torch.save(FORMS[form](state), path)
    assert_loaded(sam2.open_model(SAM2_OPTIONS, path, "cpu").model, state)
    assert_loaded(sam2.open_tracker(SAM2_OPTIONS, path, "cpu").model, state)


@pytest.mark.parametrize("form", FORMS)
def test_a_small_sam3_loads_them(form, tmp_path):
    state, path = read_state(SAM3_WEIGHTS), tmp_path / "own.pt"
    torch.save(FORMS[form](state), path)
    assert_loaded(sam3.open_model(SAM3_OPTIONS, path, "cpu").model, state)


@pytest.mark.parametrize("form", FORMS)
def test_owlv2_loads_them(form, tmp_path):
    torch.manual_seed(3)
    state, path = owlv2.build_model(OWLV2_OPTIONS).state_dict(), tmp_path / "own.pt"
    torch.save(FORMS[form](state), path)
    assert_loaded(owlv2.open_model(OWLV2_OPTIONS, path, "cpu").model, state)


def test_safetensors_load(tmp_path):
    state, path = read_state(SAM2_WEIGHTS), tmp_path / "own.safetensors"
    save_file(state, path)
    assert_loaded(sam2.open_model(SAM2_OPTIONS, path, "cpu").model, state)


@pytest.mark.parametrize("has_detector_prefix", [True, False])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_published_sam3_loads_keys_with_and_without_detector(
    small_published, image_state, tmp_path, has_detector_prefix, prefix
):
    state = to_published(image_state) if has_detector_prefix else image_state
    torch.save({"model": {prefix + key: value for key, value in state.items()}}, tmp_path / "own.pt")
    model = sam3.open_model(PUBLISHED_OPTIONS, tmp_path / "own.pt", "cpu")
    assert_loaded(model.model, image_state)
    without_head = sam3.open_model({}, tmp_path / "own.pt", "cpu")
    assert_loaded(without_head.model, {key: image_state[key] for key in without_head.model.state_dict()})
    tracker, head = (
        sam3.open_tracker(PUBLISHED_OPTIONS, tmp_path / "own.pt", "cpu"),
        "inst_interactive_predictor.model.",
    )
    assert_loaded(
        tracker.model, {key.removeprefix(head): value for key, value in image_state.items() if key.startswith(head)}
    )


def test_a_file_without_the_interactive_head_says_so(small_published, image_state, tmp_path):
    state = {
        key: value
        for key, value in to_published(image_state).items()
        if key.startswith("detector.") and ".sam2_convs." not in key
    }
    torch.save({"model": state}, tmp_path / "own.pt")
    assert sam3.open_model({}, tmp_path / "own.pt", "cpu").interactive_head is None
    with pytest.raises(
        UserError, match=r"\d+ missing \(all of inst_interactive_predictor\): .*check the model's options"
    ):
        sam3.open_model(PUBLISHED_OPTIONS, tmp_path / "own.pt", "cpu")


def test_the_components_of_grounded_load_them(tmp_path):
    files = {"detector": SAM3_WEIGHTS, "segmenter": SAM2_WEIGHTS}
    for role, file in files.items():
        torch.save(FORMS["DDP"](read_state(file)), tmp_path / f"{role}.pt")
    parts = {"detector": {"family": "sam3", **SAM3_OPTIONS}, "segmenter": {"family": "sam2", **SAM2_OPTIONS}}
    model = grounded.open_model({"parts": parts}, {role: tmp_path / f"{role}.pt" for role in files}, "cpu")
    assert_loaded(model.detector.model, read_state(SAM3_WEIGHTS))
    assert_loaded(model.segmenter.model, read_state(SAM2_WEIGHTS))
