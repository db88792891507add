"""Loading of weights into a model, with one-line errors that name why they do not fit."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from samgap.errors import UserError
from samgap.models.runtime.assumptions import log_assumptions
from samgap.models.runtime.weights_file import read_weights
from samgap.models.runtime.weights_identity import find_training_cause, identify_weights
from samgap.models.runtime.weights_layout import SAME_KEYS, KeyLayout, Selection, select_weights

__all__ = ["SAME_KEYS", "KeyLayout", "load_weights", "read_weights", "to_half_precision"]

MAX_LISTED_KEYS = 3
"""Maximum number of keys that an error message lists for each fault."""
CONVERTED_TYPES = frozenset((torch.float16, torch.bfloat16, torch.float32, torch.float64))
"""Number formats that are converted into each other. Any other is an error, such as integers of quantized weights."""
PLAIN_TENSORS = (torch.Tensor, torch.nn.Parameter)
"""Types of values that are loaded. Others are an error, such as DTensor, of which a file may have a part alone."""


def load_weights(
    model: torch.nn.Module,
    content: Mapping[Any, Any],
    source: str,
    strict: bool = True,
    layouts: Sequence[KeyLayout] = (SAME_KEYS,),
    spare: Sequence[str] | None = None,
) -> None:
    """Load weights into a model, in the model's precision. What is assumed about the file is logged.

    Args:
        model: the model, changed in place.
        content: the content of a weights file (`read_weights`): a state dict, or a dictionary that holds one.
        source: where the weights come from, for messages.
        strict: whether the keys must be exactly the model's. If not, there may be further keys, and buffers, which the
            model computes, may be missing; parameters may not.
        spare: what the keys of the model would start with for the further keys, if `strict` is False; None for any.
        layouts: how the keys of the file may differ from the model's; the first is the published one.

    Raises:
        UserError: the file does not hold all weights of the model, or holds them more than once, or they have another
            shape or number format or are not finite. The message names the cause, or the first keys.
    """
    model_state = model.state_dict()
    parameters = dict(model.named_parameters())
    required = list(model_state if strict else parameters)
    try:
        selection = select_weights(content, list(model_state), required, layouts)
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    if cause := find_training_cause(content, selection.candidate if selection else ()):
        raise UserError(f"{source}: {cause}")
    assert selection is not None  # without a state dict there is a cause
    values = selection.state_dict
    unexpected = _list_unexpected(selection, ("",) if spare is None else spare) if not strict else selection.unexpected
    faults = _list_faults(model_state, required, selection, unexpected)
    not_finite = _list_not_finite(values, model_state, set(parameters))
    if faults:
        raise UserError(f"{source}: {_format_misfit(model_state, selection, '; '.join(faults + not_finite))}")
    if not_finite:
        raise UserError(
            f"{source}: the weights fit the model, but are not finite ({'; '.join(not_finite)}), as after a training "
            "that diverged; take a checkpoint from before, or train again with a lower learning rate or in 32 bits"
        )
    log_assumptions(source, [*selection.notes, *_describe_conversions(model_state, values)])
    model.load_state_dict({key: values.get(key, value).to(value.dtype) for key, value in model_state.items()})


def _list_faults(
    model_state: Mapping[str, torch.Tensor], required: Sequence[str], selection: Selection, unexpected: list[str]
) -> list[str]:
    """Return a text for each kind of misfit, with its number of keys and the first of them."""
    values = selection.state_dict
    missing = [key for key in required if key not in values]
    convertible = _select_convertible(values, model_state)
    keys_by_fault = {
        f"missing{_name_missing_modules(missing, required)}": missing,
        "unexpected": unexpected,
        "of another shape": [
            f"{key} ({_format_shape(value)}, not {_format_shape(model_state[key])})"
            for key, value in values.items()
            if _format_shape(value) != _format_shape(model_state[key])
        ],
        "of another number format": [
            f"{key} ({_format_type(value)}, not {_format_type(model_state[key])})"
            for key, value in values.items()
            if isinstance(value, torch.Tensor) and key not in convertible
        ],
    }
    return _format_faults(keys_by_fault)


def _list_unexpected(selection: Selection, spare: Sequence[str]) -> list[str]:
    """Return the keys of a file that neither the model nor, by its beginning in `spare`, a part beside it has."""
    keys = {name: selection.layout.to_model_key(name.removeprefix(selection.prefix)) for name in selection.unexpected}
    return [name for name, key in keys.items() if not (key or name).startswith(tuple(spare))]


def _list_not_finite(
    values: Mapping[str, Any], model_state: Mapping[str, torch.Tensor], parameters: set[str]
) -> list[str]:
    """Return texts with the keys of weights with NaN, and of parameters with infinity (buffers of masks have it)."""
    convertible = _select_convertible(values, model_state)
    return _format_faults(
        {
            "with NaN": [key for key, value in convertible.items() if value.isnan().any()],
            "with infinity": [key for key, value in convertible.items() if key in parameters and value.isinf().any()],
        }
    )


def _select_convertible(values: Mapping[str, Any], model_state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        key: value
        for key, value in values.items()
        if type(value) in PLAIN_TENSORS and _is_convertible(value.dtype, model_state[key].dtype)
    }


def _format_faults(keys_by_fault: Mapping[str, list[str]]) -> list[str]:
    return [f"{len(keys)} {fault}: {_format_keys(keys)}" for fault, keys in keys_by_fault.items() if keys]


def _format_misfit(model_state: Mapping[str, torch.Tensor], selection: Selection, faults: str) -> str:
    """Return a message with the faults, which names the model that the weights look like if it is another one."""
    identity, model_identity = identify_weights(selection.candidate), identify_weights(model_state)
    if identity and identity != model_identity:
        model_text = f"is {model_identity}" if model_identity else "is another one"
        return f"these look like weights of {identity}, but the model {model_text} ({faults})"
    return f"the weights do not fit the model ({faults}); check the model's options against the file"


def _name_missing_modules(missing: Sequence[str], required: Sequence[str]) -> str:
    """Return a text with the modules of which all keys are missing, unless these are all modules."""
    found = {key.partition(".")[0] for key in set(required) - set(missing)}
    modules = dict.fromkeys(
        key.partition(".")[0] for key in missing if "." in key and key.partition(".")[0] not in found
    )
    return f" (all of {', '.join(modules)})" if found and modules else ""


def _describe_conversions(model_state: Mapping[str, torch.Tensor], values: Mapping[str, torch.Tensor]) -> list[str]:
    conversions = [
        (_format_type(value), _format_type(model_state[key]))
        for key, value in values.items()
        if value.dtype != model_state[key].dtype
    ]
    return [
        f"{conversions.count(pair)} tensors converted from {pair[0]} to {pair[1]}"
        for pair in dict.fromkeys(conversions)
    ]


def _is_convertible(file_type: torch.dtype, model_type: torch.dtype) -> bool:
    is_integer = not (file_type.is_floating_point or file_type.is_complex)
    is_model_integer = not (model_type.is_floating_point or model_type.is_complex)
    if is_model_integer:
        return is_integer
    return file_type == model_type or {file_type, model_type} <= CONVERTED_TYPES


def _format_shape(value: Any) -> str:
    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    return "x".join(map(str, value.shape)) or "scalar"


def _format_type(value: torch.Tensor) -> str:
    if type(value) not in PLAIN_TENSORS:
        return type(value).__name__
    return str(value.dtype).removeprefix("torch.")


def _format_keys(keys: list[str]) -> str:
    return ", ".join(keys[:MAX_LISTED_KEYS]) + (", …" if len(keys) > MAX_LISTED_KEYS else "")


def to_half_precision(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights with floating-point tensors in 16 bits, on the CPU, for a file of half the size."""
    return {
        key: value.detach().cpu().half() if value.is_floating_point() else value for key, value in state_dict.items()
    }
