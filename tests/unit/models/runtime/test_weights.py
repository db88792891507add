"""Loading of weights: errors name what does not fit."""

import pytest
import torch

from samgap.errors import UserError
from samgap.models.runtime.weights import load_weights, to_half_precision


def test_keys_that_do_not_fit_are_listed_with_the_source() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    state = model.state_dict()
    load_weights(model, state, "sam9")
    extra = {**state, **{f"head.{number}": torch.zeros(1) for number in range(5)}}
    with pytest.raises(UserError, match=r"^sam9: .*5 unexpected: head\.0, head\.1, head\.2, …"):
        load_weights(model, extra, "sam9")
    del state["1.bias"]
    with pytest.raises(UserError, match=r"^sam9: .*1 missing: 1\.bias\)"):
        load_weights(model, state, "sam9")
    shaped = {**model.state_dict(), "0.weight": torch.zeros(5, 5)}
    with pytest.raises(UserError, match=r"^sam9: .*1 of another shape: 0\.weight \(5x5, not 3x2\)"):
        load_weights(model, shaped, "sam9")
    with pytest.raises(UserError, match=r"^sam9: .*4 missing: 0\.weight, 0\.bias, 1\.weight, …; 1 unexpected: head"):
        load_weights(model, {"head": torch.zeros(1)}, "sam9")
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


@pytest.mark.parametrize(("value", "fault"), [("nan", "1 with NaN: bias"), ("inf", "1 with infinity: bias")])
def test_weights_of_a_training_that_diverged_are_told_apart_from_a_misfit(value: str, fault: str) -> None:
    model = torch.nn.Linear(2, 2)
    state = {**model.state_dict(), "bias": torch.tensor([0.0, float(value)])}
    with pytest.raises(UserError) as raised:
        load_weights(model, state, "w.pt")
    assert str(raised.value) == (
        f"w.pt: the weights fit the model, but are not finite ({fault}), as after a training that diverged; take a "
        "checkpoint from before, or train again with a lower learning rate or in 32 bits"
    )
    state["weight"] = torch.zeros(3, 2)
    with pytest.raises(UserError, match=rf"do not fit the model \(1 of another shape: .*; {fault}\); check the"):
        load_weights(model, state, "w.pt")


def test_half_precision_weights_load_into_a_full_precision_model() -> None:
    model = torch.nn.Linear(2, 2)
    half = to_half_precision({**model.state_dict(), "steps": torch.tensor(3)})
    assert [value.dtype for value in half.values()] == [torch.float16, torch.float16, torch.int64]
    load_weights(model, half, "w.pt", strict=False)
    assert model.weight.dtype == torch.float32 and torch.equal(model.weight, half["weight"].float())


def test_a_missing_module_is_named():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    state = {key: value for key, value in model.state_dict().items() if key.startswith("0.")}
    with pytest.raises(UserError, match=r"2 missing \(all of 1\): 1\.weight, 1\.bias"):
        load_weights(model, state, "sam9")


def test_infinity_is_a_user_error_in_parameters_alone():
    model = torch.nn.BatchNorm1d(1)
    state = {**model.state_dict(), "running_var": torch.tensor([float("inf")])}
    load_weights(model, state, "w.pt")
    with pytest.raises(UserError, match="1 with infinity: weight"):
        load_weights(model, {**state, "weight": torch.tensor([float("inf")])}, "w.pt")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precisions_are_converted_with_a_log_line(dtype, caplog):
    model = torch.nn.Linear(2, 2)
    state = {key: torch.full_like(value, 0.3, dtype=dtype) for key, value in model.state_dict().items()}
    with caplog.at_level("INFO", logger="samgap"):
        load_weights(model, state, "w.pt")
    assert torch.equal(model.bias, state["bias"].float()) and model.bias.dtype == torch.float32
    (record,) = caplog.records
    assert record.getMessage() == f"w.pt: 2 tensors converted from {str(dtype)[6:]} to float32"


@pytest.mark.parametrize("value", [torch.zeros(2, dtype=torch.int8), torch.zeros(2, dtype=torch.complex64)])
def test_quantized_weights_are_a_user_error(value):
    model = torch.nn.Linear(2, 2)
    with pytest.raises(UserError, match=r"1 of another number format: bias \((int8|complex64), not float32\)"):
        load_weights(model, {**model.state_dict(), "bias": value}, "w.pt")


def test_tensors_of_other_types_are_a_user_error():
    class PartOfATensor(torch.Tensor):
        pass

    model = torch.nn.Linear(2, 2)
    part = torch.zeros(2).as_subclass(PartOfATensor)
    with pytest.raises(UserError, match=r"1 of another number format: bias \(PartOfATensor, not float32\)"):
        load_weights(model, {**model.state_dict(), "bias": part}, "w.pt")
    load_weights(model, {"weight": torch.nn.Parameter(torch.ones(2, 2)), "bias": torch.zeros(2)}, "w.pt")
    assert torch.equal(model.weight, torch.ones(2, 2)) and model.weight.is_leaf
