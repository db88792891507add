"""Activation checkpointing: the backward pass computes activations again, which takes less memory and more time.

sam3 always uses it where its classes can; sam2 never does.
"""

import contextlib
import functools
from collections.abc import Iterable, Iterator
from typing import Any
from unittest import mock

import torch


@contextlib.contextmanager
def set_gradient_checkpointing(enabled: bool) -> Iterator[None]:
    """Run sam3 with its activation checkpointing, or make it keep all activations.

    The package has no option for it: without it, `torch.utils.checkpoint.checkpoint` calls its function directly.
    """

    def call(function: Any, *args: Any, use_reentrant: bool | None = None, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    if enabled:
        yield
        return
    from sam3.model import text_encoder_ve  # it has a name of its own for the function

    with (
        mock.patch.object(torch.utils.checkpoint, "checkpoint", call),
        mock.patch.object(text_encoder_ve, "checkpoint", call),
    ):
        yield


def checkpoint_modules(modules: Iterable[torch.nn.Module]) -> None:
    """Make each module compute its activations again in the backward pass of a training, in place."""
    for module in modules:
        module.forward = functools.partial(_forward_checkpointed, module, module.forward)


def _forward_checkpointed(module: torch.nn.Module, forward: Any, *args: Any, **kwargs: Any) -> Any:
    if not (module.training and torch.is_grad_enabled()):
        return forward(*args, **kwargs)
    return torch.utils.checkpoint.checkpoint(forward, *args, use_reentrant=False, **kwargs)
