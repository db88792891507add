"""Reading a weights file into a model, and saying in one line what does not fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from samgap.errors import UserError

MAX_LISTED_KEYS = 3
"""How many keys of each fault a message names."""


def read_weights(path: Path) -> dict[str, Any]:
    """The file's content, PyTorch's or safetensors; nothing in it is executed (`weights_only`)."""
    try:
        # A safetensors file begins with the length of its header, in eight bytes, and a header in JSON.
        with path.open("rb") as file:
            plain = file.read(9)[8:] == b"{"
        content = load_file(path) if plain else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(f"{path}: not a readable weights file ({type(error).__name__}); fetch it again") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a weights file: it holds a {type(content).__name__}, no keys; check its source")
    return content


def load_weights(
    model: torch.nn.Module, state_dict: Mapping[str, torch.Tensor], source: str, strict: bool = True
) -> None:
    """Load `state` into `model` in the model's own precision: all of it and nothing else.

    `name` says whose weights they are. Not `exact`: the file may hold more than the model has, and may lack
    buffers, which are computed; no parameter. What does not fit raises UserError with the first keys.
    """
    own = model.state_dict()
    needed = own if strict else dict(model.named_parameters())
    faults = {
        "missing": [key for key in needed if key not in state_dict],
        "more than the model has": [key for key in state_dict if key not in own] if strict else [],
        "of another shape": [
            f"{key} ({_format_shape(state_dict[key])}, not {_format_shape(own[key])})"
            for key in own
            if key in state_dict and _format_shape(state_dict[key]) != _format_shape(own[key])
        ],
        "with numbers that are none": [
            key for key in own if isinstance(state_dict.get(key), torch.Tensor) and state_dict[key].isnan().any()
        ],
    }
    told = [f"{len(keys)} {fault}: {_format_keys(keys)}" for fault, keys in faults.items() if keys]
    if told:
        raise UserError(
            f"{source}: the weights do not fit the model ({'; '.join(told)}); check the model's config against the file"
        )
    model.load_state_dict({key: state_dict.get(key, own[key]).to(own[key].dtype) for key in own})


def _format_shape(value: Any) -> str:
    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    return "x".join(map(str, value.shape)) or "a number"


def _format_keys(keys: list[str]) -> str:
    return ", ".join(keys[:MAX_LISTED_KEYS]) + (", …" if len(keys) > MAX_LISTED_KEYS else "")


def to_half_precision(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state in 16-bit floats, for a file half the size."""
    return {
        key: value.detach().cpu().half() if value.is_floating_point() else value for key, value in state_dict.items()
    }
