"""Reading of weights files and loading of weights into a model, with one-line errors if they do not fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from samgap.errors import UserError, make_reading_error

MAX_LISTED_KEYS = 3
"""Maximum number of keys that an error message lists for each fault."""


def read_weights(path: Path) -> dict[str, Any]:
    """Return the content of a PyTorch or safetensors file. No code in the file is executed (`weights_only`).

    Raises:
        DamagedFileError: the file cannot be read.
        UserError: its content is not a dictionary.
    """
    try:
        # A safetensors file starts with the length of its header in eight bytes, followed by the header in JSON.
        with path.open("rb") as file:
            is_safetensors = file.read(9)[8:] == b"{"
        content = load_file(path) if is_safetensors else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        message = f"{path}: not a readable weights file ({type(error).__name__})"
        raise make_reading_error(message, path, error) from error
    if not isinstance(content, dict):
        raise UserError(
            f"{path}: not a weights file: it contains a {type(content).__name__}, not a dictionary; check its source"
        )
    return content


def load_weights(
    model: torch.nn.Module, state_dict: Mapping[str, torch.Tensor], source: str, strict: bool = True
) -> None:
    """Load weights into a model, in the model's precision.

    Args:
        model: the model, changed in place.
        state_dict: the weights.
        source: where the weights come from, for error messages.
        strict: whether the keys must be exactly the model's. If not, there may be further keys, and buffers, which the
            model computes, may be missing; parameters may not.

    Raises:
        UserError: keys are missing or unexpected, or values have another shape or are NaN; the message lists the first
            keys.
    """
    model_state = model.state_dict()
    required = model_state if strict else dict(model.named_parameters())
    keys_by_fault = {
        "missing": [key for key in required if key not in state_dict],
        "unexpected": [key for key in state_dict if key not in model_state] if strict else [],
        "of another shape": [
            f"{key} ({_format_shape(state_dict[key])}, not {_format_shape(model_state[key])})"
            for key in model_state
            if key in state_dict and _format_shape(state_dict[key]) != _format_shape(model_state[key])
        ],
        "with NaN": [
            key
            for key in model_state
            if isinstance(state_dict.get(key), torch.Tensor) and state_dict[key].isnan().any()
        ],
    }
    faults = [f"{len(keys)} {fault}: {_format_keys(keys)}" for fault, keys in keys_by_fault.items() if keys]
    if faults:
        raise UserError(
            f"{source}: the weights do not fit the model ({'; '.join(faults)}); check the model's options against the "
            "file"
        )
    model.load_state_dict({key: state_dict.get(key, value).to(value.dtype) for key, value in model_state.items()})


def _format_shape(value: Any) -> str:
    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    return "x".join(map(str, value.shape)) or "scalar"


def _format_keys(keys: list[str]) -> str:
    return ", ".join(keys[:MAX_LISTED_KEYS]) + (", …" if len(keys) > MAX_LISTED_KEYS else "")


def to_half_precision(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights with floating-point tensors in 16 bits, on the CPU, for a file of half the size."""
    return {
        key: value.detach().cpu().half() if value.is_floating_point() else value for key, value in state_dict.items()
    }
