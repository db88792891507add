"""Entries and prefixes of people's own trainings are found where they are unambiguous."""

import re
from typing import Any

import pytest
import torch

from samgap.errors import UserError
from samgap.models.runtime.assumptions import record_assumptions
from samgap.models.runtime.weights import KeyLayout, load_weights
from samgap.models.runtime.weights_layout import SAME_KEYS

PUBLISHED = KeyLayout({"": "detector.", "1.": "tracker."}, "the published file")


def make_model(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))


STATE = make_model(1).state_dict()
OTHER_STATE = make_model(2).state_dict()
ADAM = {"state": {0: {"step": torch.tensor(1.0), "exp_avg": torch.zeros(3, 2)}}, "param_groups": [{"params": [0]}]}


def add_prefix(prefix: str, state: dict[str, Any] = STATE) -> dict[str, Any]:
    return {prefix + key: value for key, value in state.items()}


COMPILED_PART = {key.replace("0.", "0._orig_mod."): value for key, value in STATE.items()}
FILES = {
    "state dict": (STATE, []),
    "model": ({"model": STATE, "epoch": 3, "optimizer": ADAM}, []),
    "a number beside the tensors": ({**STATE, "epoch": 3}, []),
    "state_dict": ({"state_dict": STATE, "epoch": 3}, ["entry 'state_dict'"]),
    "model_state_dict": ({"model_state_dict": STATE, "optimizer_state_dict": ADAM}, ["entry 'model_state_dict'"]),
    "ema alone": ({"ema": STATE, "step": torch.tensor(9)}, ["entry 'ema'"]),
    "two levels": ({"checkpoint": {"net": STATE}}, ["entry 'checkpoint.net'"]),
    "state of a loss": ({"model": STATE, "loss": {"weight": torch.ones(4)}}, []),
    "the same twice": ({"model": STATE, "state_dict": STATE}, []),
    "DDP": ({"model": add_prefix("module.")}, ["prefix 'module.'"]),
    "torch.compile": (add_prefix("_orig_mod."), ["prefix '_orig_mod.'"]),
    "DDP of torch.compile": (add_prefix("module._orig_mod."), ["prefix 'module._orig_mod.'"]),
    "compiled part": (COMPILED_PART, ["_orig_mod removed"]),
    "compiled part in DDP": (add_prefix("module.", COMPILED_PART), ["_orig_mod and module removed"]),
    "Lightning": (
        {"state_dict": {**add_prefix("model."), "loss_fn.weight": torch.ones(2)}, "loops": {"epoch": 1}},
        ["entry 'state_dict'", "prefix 'model.'", r"without this prefix not used \(loss_fn\.weight\)"],
    ),
    "average of weights": ({**add_prefix("module."), "n_averaged": torch.tensor(5)}, ["'module.'", "n_averaged"]),
    "numbers as keys": ({"model": STATE, 7: torch.zeros(1)}, []),
}


@pytest.mark.parametrize("name", FILES)
def test_weights_of_trainings_load_and_the_assumptions_are_logged(name, caplog):
    content, messages = FILES[name]
    model = make_model(0)
    with caplog.at_level("INFO", logger="samgap"), record_assumptions() as assumptions:
        load_weights(model, content, "own.pt")
    assert all(torch.equal(value, STATE[key]) for key, value in model.state_dict().items())
    assert [record.getMessage() for record in caplog.records] == assumptions
    assert len(assumptions) == len(messages)
    for message, assumption in zip(messages, assumptions, strict=True):
        assert assumption.startswith("own.pt: ") and re.search(message, assumption)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ({"model": STATE, "ema": OTHER_STATE}, r"entry 'model'; entry 'ema'"),
        (
            {"state_dict": {**add_prefix("student."), **add_prefix("teacher.", OTHER_STATE)}},
            ".*'student.'; .*'teacher.'",
        ),
        ({**STATE, **add_prefix("ema.", OTHER_STATE)}, "top level; top level, prefix 'ema.'"),
    ],
)
def test_two_sets_of_weights_are_ambiguous(content, parts):
    with pytest.raises(UserError, match=rf"^own\.pt: several parts have all weights of the model \({parts}"):
        load_weights(make_model(0), content, "own.pt")


def test_keys_that_would_become_one_are_not_merged():
    content = {**add_prefix("0.module.", {"weight": torch.zeros(3, 2)}), **STATE}
    del content["1.bias"]
    with pytest.raises(UserError, match=r"1 missing: 1\.bias; 1 unexpected: 0\.module\.weight"):
        load_weights(make_model(0), content, "own.pt")


def test_a_module_of_the_model_is_no_wrapper():
    model = torch.nn.ModuleDict({"module": torch.nn.Linear(2, 3)})
    state = {f"module.{key}": torch.ones_like(value) for key, value in model["module"].state_dict().items()}
    load_weights(model, add_prefix("module.", state), "own.pt")
    assert torch.equal(model["module"].bias, torch.ones(3))


@pytest.mark.parametrize("prefix", ["", "module."])
def test_layouts_of_keys_are_recognized(prefix):
    published = {
        ("tracker." + key.removeprefix("1.") if key.startswith("1.") else f"detector.{key}"): value
        for key, value in STATE.items()
    }
    for content, n_assumptions in ((published, bool(prefix)), (STATE, 1 + bool(prefix))):
        model = make_model(0)
        with record_assumptions() as assumptions:
            load_weights(model, {"model": add_prefix(prefix, content)}, "own.pt", layouts=(PUBLISHED, SAME_KEYS))
        assert all(torch.equal(value, STATE[key]) for key, value in model.state_dict().items())
        assert len(assumptions) == n_assumptions
