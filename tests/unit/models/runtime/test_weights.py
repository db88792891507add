"""Weights files: nothing in them is executed, and errors name what does not fit."""

import pickle
from pathlib import Path

import pytest
import torch

from samgap.errors import UserError
from samgap.models.runtime.weights import load_weights, read_weights, to_half_precision


class RaisesWhenUnpickled:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_not_executed(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "sam9.pt"
    if zipped:
        torch.save({"model": RaisesWhenUnpickled()}, path)
    else:
        path.write_bytes(pickle.dumps({"model": RaisesWhenUnpickled()}, protocol=2))
    with pytest.raises(UserError, match=r"sam9\.pt: not a readable weights file \(UnpicklingError\)"):
        read_weights(path)


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>", b"PK\x03\x04 cut"])
def test_other_files_are_a_user_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.pt: not a readable weights file"):
        read_weights(tmp_path / "a.pt")


def test_file_without_a_dictionary_is_a_user_error(tmp_path: Path) -> None:
    torch.save(torch.zeros(3), tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"a\.pt: not a weights file: it contains a Tensor"):
        read_weights(tmp_path / "a.pt")


def test_keys_that_do_not_fit_are_listed_with_the_source() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    state = model.state_dict()
    load_weights(model, state, "sam9")
    extra = {**state, **{f"head.{number}": torch.zeros(1) for number in range(5)}}
    with pytest.raises(UserError, match=r"^sam9: .*5 unexpected: head\.0, head\.1, head\.2, …"):
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


def test_not_strict_allows_more_keys_and_no_missing_parameters() -> None:
    model = torch.nn.Linear(2, 3)
    state = {**model.state_dict(), "tracker.weight": torch.zeros(1)}
    load_weights(model, state, "sam9", strict=False)
    with pytest.raises(UserError, match=r"1 missing: bias"):
        load_weights(model, {"weight": state["weight"]}, "sam9", strict=False)


def test_nan_is_a_user_error() -> None:
    model = torch.nn.Linear(2, 2)
    state = {**model.state_dict(), "bias": torch.tensor([0.0, float("nan")])}
    with pytest.raises(UserError, match="1 with NaN: bias"):
        load_weights(model, state, "w.pt")


def test_half_precision_weights_load_into_a_full_precision_model() -> None:
    model = torch.nn.Linear(2, 2)
    half = to_half_precision({**model.state_dict(), "steps": torch.tensor(3)})
    assert [value.dtype for value in half.values()] == [torch.float16, torch.float16, torch.int64]
    load_weights(model, half, "w.pt", strict=False)
    assert model.weight.dtype == torch.float32 and torch.equal(model.weight, half["weight"].float())
