"""Low-rank adapters: which matrices have them, gradients, exact merging, resuming and the exported files."""

import json

import pytest
import safetensors.torch
import torch
from torch.nn.utils import parametrize

from samgap.errors import UserError
from samgap.inventory.models import build_published
from samgap.models.runtime.device import cuda_shim
from samgap.training import adapters, loop
from samgap.training.sam2 import task as sam2
from samgap.training.sam3 import task as sam3
from samgap.training.tasks import Score
from tests.helpers import training_tasks

TASKS = {"sam2": (sam2, training_tasks.SAM2_MODEL), "sam3": (sam3, training_tasks.SAM3_MODEL)}
PARTS = {"sam2": ["trunk", "decoder"], "sam3": ["trunk", "text-encoder", "fusion-encoder", "decoder", "mask-head"]}
ADAPTERS = {"rank": 3, "alpha": 6}
TRAIN_OPTIONS = {"steps": 4, "learning-rate": 0.01, "warm-up": 0, "validate-every": 2}


@pytest.fixture(params=["sam2", "sam3"])
def family(request):
    return request.param


def open_task(family, source, folder, **options):
    """Return a task whose model has adapters in PARTS, and its state dict before that."""
    task = training_tasks.open_task(*TASKS[family], source, folder)
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    adapters.add_adapters(task.model, {**ADAPTERS, "parts": PARTS[family], **options}, family, seed=7)
    return task, before


def merge(model):
    """Replace the adapters of a model by torch's own function."""
    for matrix in dict(adapters.iter_adapters(model)):
        path, _, name = matrix.rpartition(".")
        parametrize.remove_parametrizations(model.get_submodule(path), name, leave_parametrized=True)


def compute_total(task):
    """Return the loss of a batch with objects, which is the same in every call."""
    torch.manual_seed(1)
    task.model.train()
    return training_tasks.compute_losses(task, 4)["total"]


def train(task, family, folder, **options):
    return loop.train(task, {**TRAIN_OPTIONS, "family": family, **options}, 3, "cpu", folder / "state.pt", {})


@pytest.mark.parametrize(
    ("model_id", "family", "part", "n_matrices"),
    [
        ("sam3-image", "sam3", "trunk", 64),  # 32 blocks with qkv and proj
        ("sam3-image", "sam3", "text-encoder", 48),  # 24 layers with in_proj and out_proj
        ("sam3-image", "sam3", "fusion-encoder", 24),
        ("sam3-image", "sam3", "decoder", 36),
        ("sam2.1-tiny", "sam2", "trunk", 24),  # 12 blocks with qkv and proj
        ("sam2.1-tiny", "sam2", "decoder", 28),
        ("sam2.1-tiny", "sam2", "memory", 32),
    ],
)
def test_every_attention_of_a_part_of_the_published_models_has_adapters(model_id, family, part, n_matrices):
    build_published.cache_clear()
    model = build_published(model_id)
    try:
        adapters.add_adapters(model, {"rank": 2, "parts": [part]}, family, seed=0)
        assert len(list(adapters.iter_adapters(model))) == n_matrices
    finally:
        build_published.cache_clear()


def test_a_new_adapter_changes_no_output_and_gradients_reach_the_adapters_alone(family, orchard_source, tmp_path):
    plain = training_tasks.open_task(*TASKS[family], orchard_source, tmp_path)
    expected = compute_total(plain)
    task, _ = open_task(family, orchard_source, tmp_path)
    total = compute_total(task)
    assert total.item() == pytest.approx(expected.item(), rel=1e-6)
    with cuda_shim("cpu"):
        total.backward()
    updates = dict(adapters.iter_adapters(task.model))
    assert len(updates) >= 10
    factors = {id(value) for update in updates.values() for value in (update.down, update.up)}
    with_gradient = {id(value): value.grad for value in task.model.parameters() if value.grad is not None}
    assert set(with_gradient) == factors
    for matrix, update in updates.items():
        assert update.up.grad.abs().sum() > 0, matrix
        assert not update.down.grad.any(), matrix  # `up` is 0 in the first step


def test_training_changes_the_adapters_alone_and_merging_gives_the_keys_and_outputs_of_a_plain_model(
    family, orchard_source, tmp_path
):
    task, before = open_task(family, orchard_source, tmp_path)
    train(task, family, tmp_path)
    updates = dict(adapters.iter_adapters(task.model))
    assert all(update.up.any() for update in updates.values())
    expected = compute_total(task)
    deltas = {matrix: update.scale * (update.up @ update.down).detach() for matrix, update in updates.items()}
    merged = adapters.compute_merged_state(task.model)
    assert merged.keys() == before.keys()
    merge(task.model)
    assert task.model.state_dict().keys() == before.keys()
    assert all(torch.equal(value, merged[name]) for name, value in task.model.state_dict().items())
    for name, value in merged.items():
        assert torch.equal(value, before[name] + deltas[name] if name in deltas else before[name]), name
    assert compute_total(task).item() == pytest.approx(expected.item(), rel=1e-6)
    assert not list(adapters.iter_adapters(task.model))


def test_a_training_with_adapters_resumes_bit_for_bit(family, orchard_source, tmp_path, monkeypatch):
    for name in ("whole", "halves"):
        (tmp_path / name).mkdir()
    whole, _ = open_task(family, orchard_source, tmp_path)
    monkeypatch.setattr(type(whole), "validate", lambda self: {"val": Score(1.0)})
    train(whole, family, tmp_path / "whole")
    train(open_task(family, orchard_source, tmp_path)[0], family, tmp_path / "halves", steps=2, schedule=4)
    resumed, _ = open_task(family, orchard_source, tmp_path)
    train(resumed, family, tmp_path / "halves")
    expected = whole.model.state_dict()
    for name, value in resumed.model.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_parts_can_be_trained_as_a_whole_beside_the_adapters(orchard_source, tmp_path):
    task, before = open_task("sam3", orchard_source, tmp_path, parts=["trunk"], trained=["mask-head"])
    train(task, "sam3", tmp_path)
    merged = adapters.compute_merged_state(task.model)
    changed = {name for name, value in merged.items() if not torch.equal(value, before[name])}
    prefixes = ("segmentation_head.", "backbone.vision_backbone.trunk.")
    assert changed and all(name.startswith(prefixes) for name in changed)
    assert any(name.startswith(prefixes[0]) for name in changed)


def test_the_files_have_the_names_and_settings_of_peft(orchard_source, tmp_path):
    task, _ = open_task("sam3", orchard_source, tmp_path, parts=["trunk", "decoder"])
    adapters.write_adapters(task.model, ADAPTERS, "sam3-demo", tmp_path / "adapters")
    config = json.loads((tmp_path / "adapters" / adapters.CONFIG_FILE).read_text(encoding="utf-8"))
    assert (config["r"], config["lora_alpha"], config["base_model_name_or_path"]) == (3, 6, "sam3-demo")
    tensors = safetensors.torch.load_file(tmp_path / "adapters" / adapters.ADAPTER_FILE)
    layer = "transformer.decoder.layers.0.self_attn"
    assert f"base_model.model.{layer}.lora_A.weight" in tensors
    assert f"base_model.model.{layer}.base_layer.out_proj.lora_B.weight" in tensors
    assert "base_model.model.backbone.vision_backbone.trunk.blocks.0.attn.qkv.lora_A.weight" in tensors
    assert layer in config["target_modules"] and f"{layer}.out_proj" not in config["target_modules"]
    for matrix, update in adapters.iter_adapters(task.model):
        key = adapters._name_target(task.model, matrix)[1]
        assert torch.equal(tensors[f"base_model.model.{key}.lora_A.weight"], update.down)
    assert len(tensors) == 2 * len(list(adapters.iter_adapters(task.model)))


def test_a_model_without_adapters_has_no_folder_and_that_of_an_earlier_one_is_removed(tmp_path):
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters" / adapters.ADAPTER_FILE).touch()
    adapters.write_adapters(torch.nn.Linear(2, 2), ADAPTERS, "m", tmp_path / "adapters")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parts": ["memory"]}, "adapters.parts names 'memory', which the model does not have"),
        ({"parts": ["backbone.language_backbone.resizer"]}, "which has no attention"),
        ({"parts": ["trunk"], "trained": ["image-encoder"]}, "of which adapters.trained has .*; name it in one"),
    ],
)
def test_parts_that_cannot_have_adapters_are_one_line(orchard_source, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        open_task("sam3", orchard_source, tmp_path, **options)
