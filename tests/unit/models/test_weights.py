"""Weights files: read without running anything in them, and what does not fit is named."""

import pickle
from pathlib import Path

import pytest
import torch

from samgap.errors import UserError
from samgap.models.runtime.weights import load_weights, read_weights


class Harm:
    def __reduce__(self):
        return exec, ("raise SystemExit('it ran')",)


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_a_file_is_run(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "sam9.pt"
    if zipped:
        torch.save({"model": Harm()}, path)
    else:
        path.write_bytes(pickle.dumps({"model": Harm()}))
    with pytest.raises(UserError, match=r"sam9\.pt: not a readable weights file \(UnpicklingError\)"):
        read_weights(path)


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>", b"PK\x03\x04 cut"])
def test_what_is_no_weights_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.pt: not a readable weights file"):
        read_weights(tmp_path / "a.pt")


def test_keys_that_do_not_fit_are_named_with_the_model() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    state = model.state_dict()
    load_weights(model, state, "sam9")
    extra = {**state, **{f"head.{number}": torch.zeros(1) for number in range(5)}}
    with pytest.raises(UserError, match=r"^sam9: .*5 more than the model has: head\.0, head\.1, head\.2, …"):
        load_weights(model, extra, "sam9")
    del state["1.bias"]
    with pytest.raises(UserError, match=r"^sam9: .*1 missing: 1\.bias"):
        load_weights(model, state, "sam9")
    shaped = {**model.state_dict(), "0.weight": torch.zeros(5, 5)}
    with pytest.raises(UserError, match=r"^sam9: .*1 of another shape: 0\.weight \(5x5, not 3x2\)"):
        load_weights(model, shaped, "sam9")
    with pytest.raises(UserError, match=r"^sam9: .*4 missing"):
        load_weights(model, {}, "sam9")
    with pytest.raises(UserError, match=r"0\.bias \(str, not 3\)"):
        load_weights(model, {**shaped, "0.weight": torch.zeros(3, 2), "1.bias": torch.zeros(1), "0.bias": "x"}, "sam9")


def test_a_file_without_keys(tmp_path: Path) -> None:
    torch.save(torch.zeros(3), tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"a\.pt: not a weights file: it holds a Tensor"):
        read_weights(tmp_path / "a.pt")


def test_a_file_may_hold_more_where_that_is_asked_for() -> None:
    model = torch.nn.Linear(2, 3)
    state = {**model.state_dict(), "tracker.weight": torch.zeros(1)}
    load_weights(model, state, "sam9", strict=False)
    with pytest.raises(UserError, match=r"1 missing: bias"):
        load_weights(model, {"weight": state["weight"]}, "sam9", strict=False)


def test_numbers_that_are_none_are_named() -> None:
    model = torch.nn.Linear(2, 2)
    state = {**model.state_dict(), "bias": torch.tensor([0.0, float("nan")])}
    with pytest.raises(UserError, match="1 with numbers that are none: bias"):
        load_weights(model, state, "w.pt")
