"""What the package computes twice in training, to save memory."""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch


@contextlib.contextmanager
def without_gradient_checkpointing() -> Iterator[None]:
    """Keep what the package insists on computing twice: of a model this small there is memory enough."""

    def call(function: Any, *arguments: Any, use_reentrant: bool | None = None, **more: Any) -> Any:
        return function(*arguments, **more)

    with mock.patch.object(torch.utils.checkpoint, "checkpoint", call):
        yield
