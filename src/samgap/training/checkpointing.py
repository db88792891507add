"""Gradient checkpointing of the SAM packages, which small models do not need."""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch


@contextlib.contextmanager
def disable_gradient_checkpointing() -> Iterator[None]:
    """Make `torch.utils.checkpoint.checkpoint` call its function directly, so that no forward pass is repeated.

    The packages have no option for it, and the activations of a small model fit into memory.
    """

    def call(function: Any, *args: Any, use_reentrant: bool | None = None, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    with mock.patch.object(torch.utils.checkpoint, "checkpoint", call):
        yield
