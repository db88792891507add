"""Reading a weights file into a model, and saying in one line what does not fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from samgap.errors import UserError


def read(path: Path) -> dict[str, Any]:
    """The file's content; nothing in it is executed (`weights_only`)."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(f"{path}: not a readable weights file ({type(error).__name__}); fetch it again") from error


def fill(model: torch.nn.Module, state: Mapping[str, torch.Tensor], name: str, exact: bool = True) -> None:
    """Load `state` into `model` in the model's own precision: all of it and nothing else.

    Not `exact`: the file may hold more than the model has, and may lack buffers, which are computed; no parameter.
    """
    own = model.state_dict()
    if exact:
        missing = set(own) ^ set(state)
    else:
        missing = {key for key, _ in model.named_parameters()} - set(state)
        state = {key: state.get(key, own[key]) for key in own}
    wrong = sorted(missing) or [key for key in own if own[key].shape != state[key].shape]
    if wrong:
        raise UserError(
            f"{name}: the weights do not fit the model: {len(wrong)} keys differ, first {', '.join(wrong[:3])}; "
            "check the model's config against the file"
        )
    model.load_state_dict({key: value.to(own[key].dtype) for key, value in state.items()})


def half(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state in 16-bit floats, for a file half the size."""
    return {key: value.detach().cpu().half() if value.is_floating_point() else value for key, value in state.items()}
