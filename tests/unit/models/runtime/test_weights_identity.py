"""Weights of another model, and files of trainings without the weights of a whole model, are named."""

import pytest
import torch
from torch.nn import init
from transformers import Sam2Config, Sam2Model, Sam3Config, Sam3Model, Sam3VideoConfig, Sam3VideoModel

from samgap.errors import UserError
from samgap.models.runtime.weights import load_weights
from samgap.models.runtime.weights_identity import identify_weights
from samgap.models.sam2.image import build_model
from samgap.models.sam3.build import build_small
from tests.helpers.demo_weights import SAM3_OPTIONS

SAM2_CONFIGS = {
    "SAM2.1 tiny": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "SAM2.1 small": "configs/sam2.1/sam2.1_hiera_s.yaml",
    "SAM2.1 base-plus": "configs/sam2.1/sam2.1_hiera_b+.yaml",
    "SAM2.1 large": "configs/sam2.1/sam2.1_hiera_l.yaml",
    "SAM2.0 small": "configs/sam2/sam2_hiera_s.yaml",
}
MODEL = torch.nn.Linear(2, 3)


@pytest.fixture(autouse=True)
def no_initialization(monkeypatch):
    """Models of the published size without random values, which take seconds and are not needed."""
    for name in ("kaiming_uniform_", "uniform_", "trunc_normal_", "xavier_uniform_", "normal_"):
        monkeypatch.setattr(init, name, lambda tensor, *args, **kwargs: tensor)


@pytest.fixture(scope="module")
def demo_sam3():
    return build_small(SAM3_OPTIONS["architecture"])


def build_sam2(name):
    return build_model({"config": SAM2_CONFIGS[name]}, "cpu")


@pytest.mark.parametrize("name", SAM2_CONFIGS)
def test_the_sizes_of_sam2_are_identified(name):
    state = build_sam2(name).state_dict()
    assert identify_weights(state) == name
    assert identify_weights({f"module.{key}": value for key, value in state.items()}) == name


@pytest.mark.parametrize(
    ("file_model", "model"),
    [("SAM2.1 small", "SAM2.1 large"), ("SAM2.1 small", "SAM2.1 tiny"), ("SAM2.0 small", "SAM2.1 small")],
)
def test_weights_of_another_size_are_named(file_model, model):
    content = {"model": {key: torch.zeros_like(value) for key, value in build_sam2(file_model).state_dict().items()}}
    expected = rf"^w\.pt: these look like weights of {file_model}, but the model is {model} \(\d+ missing"
    with pytest.raises(UserError, match=expected):
        load_weights(build_sam2(model), content, "w.pt")


def test_weights_of_the_other_family_are_named(demo_sam3):
    state = build_sam2("SAM2.1 small").state_dict()
    with pytest.raises(
        UserError, match=r"weights of SAM2\.1 small, but the model is a SAM3 of another size \(width 192"
    ):
        load_weights(demo_sam3, {"model": state}, "w.pt")
    with pytest.raises(UserError, match=r"weights of a SAM3 of another size .*, but the model is SAM2\.1 small"):
        load_weights(build_sam2("SAM2.1 small"), {"model": demo_sam3.state_dict()}, "w.pt")


@pytest.mark.parametrize(
    ("model_class", "config_class", "message"),
    [
        (Sam2Model, Sam2Config, r"SAM2 in the format of the package transformers \(take the \.pt file"),
        (Sam3Model, Sam3Config, r"SAM3 in the format of the package transformers \(take sam3\.pt"),
        (Sam3VideoModel, Sam3VideoConfig, r"SAM3 in the format of the package transformers \(take sam3\.pt"),
    ],
)
def test_weights_in_the_format_of_transformers_are_named(model_class, config_class, message, demo_sam3):
    with torch.device("meta"):
        keys = model_class(config_class()).state_dict()
    state = {key: torch.zeros(1) for key in keys}
    for model in (demo_sam3, build_sam2("SAM2.1 tiny")):
        with pytest.raises(UserError, match=rf"^model\.safetensors: these look like weights of {message}"):
            load_weights(model, state, "model.safetensors")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["image_encoder.blocks.0.norm1.weight", "mask_decoder.iou_token.weight"], "SAM, the model before SAM2"),
        (["tracker.model.interactive_convs.0.weight"], r"SAM3\.1"),
        (["owlvit.logit_scale"], "OWL-ViT, the model before OWLv2"),
    ],
)
def test_other_models_are_named(keys, message):
    with pytest.raises(UserError, match=f"these look like weights of {message}"):
        load_weights(MODEL, {key: torch.zeros(1) for key in keys}, "w.pt")


ADAM = {"state": {0: {"exp_avg": torch.zeros(3, 2)}}, "param_groups": [{"params": [0]}]}
LORA = {
    "base_model.model.trunk.qkv.lora_A.weight": torch.zeros(4, 2),
    "base_model.model.trunk.qkv.lora_B.weight": torch.zeros(2, 4),
}


ARRAYS = {key: value.numpy() for key, value in MODEL.state_dict().items()}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ADAM, "the state of an optimizer and no weights"),
        ({"optimizer": ADAM, "epoch": 7}, "the state of an optimizer and no weights"),
        ({"epoch": 7, "args": {"lr": 0.1}}, r"no tensors with names \(its entries: epoch, args\)"),
        ({}, r"no tensors with names \(its entries: none\)"),
        (ARRAYS, r"numpy arrays instead of tensors \(2, such as weight\); convert each with torch\.from_numpy"),
        ({"epoch": 7, "model": ARRAYS}, r"numpy arrays instead of tensors \(2, such as weight\)"),
        ({"optimizer": ADAM, "model": ARRAYS}, r"numpy arrays instead of tensors \(2, such as weight\)"),
        (LORA, r"LoRA adapters alone \(2 tensors, such as base_model\.model\.trunk\.qkv\.lora_A\.weight\)"),
        ({"state_dict": LORA}, "LoRA adapters alone"),
        ({**MODEL.state_dict(), "lora_A": torch.zeros(1)}, r"LoRA adapters beside the model's weights \(1 tensors"),
        ({"model": {"_flat_param": torch.zeros(9)}}, "shards of FSDP"),
    ],
)
def test_a_training_without_whole_weights_is_named(content, message):
    for strict in (True, False):
        with pytest.raises(UserError, match=rf"^w\.pt: the file holds {message}"):
            load_weights(MODEL, content, "w.pt", strict=strict)
