"""Construction of models on torch's device `meta`, on which tensors have a shape but no data."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from samgap.models.runtime.device import cuda_shim


class _CpuLinspaceMode(TorchFunctionMode):
    """Keeps `torch.linspace` on the CPU: the packages read numbers of its result, which `meta` does not have."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.linspace:
            kwargs.setdefault("device", "cpu")
        return func(*args, **kwargs)


@contextlib.contextmanager
def meta_device() -> Iterator[None]:
    """Create all modules and tensors inside the block on `meta`, also those with a hard-coded CUDA device."""
    with torch.device("meta"), _CpuLinspaceMode(), cuda_shim("meta"):
        yield
