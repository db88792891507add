"""Where a model runs, and how the packages' hard-coded CUDA calls run on a machine without a GPU."""

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any

# Before torch compiles anything: the packages decorate functions for a compiler that a CPU job does not need.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")

import torch
from torch.overrides import TorchFunctionMode

from samgap.errors import UserError

logger = logging.getLogger("samgap")


def choose(setting: str) -> str:
    """`cpu` or `cuda` for the config's `device` (auto, cpu, cuda); cuda without a usable GPU is an error."""
    if setting == "cpu":
        return "cpu"
    try:
        usable = torch.cuda.is_available() and torch.zeros(1, device="cuda").item() == 0
    except RuntimeError:
        usable = False
    if usable:
        return "cuda"
    if setting == "cuda":
        raise UserError("device: cuda, but no usable GPU was found here; use device: auto or cpu, or a GPU node")
    logger.info("device: auto, no usable GPU found: running on the CPU")
    return "cpu"


class _CudaOnCpu(TorchFunctionMode):
    """Send what asks for CUDA to the CPU, and make pinning and `.cuda()` do nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        device = kwargs.get("device")
        if device is not None and torch.device(device).type == "cuda":
            kwargs["device"] = torch.device("cpu")
        if func in (torch.Tensor.pin_memory, torch.Tensor.cuda):
            return args[0]
        return func(*args, **kwargs)


@contextlib.contextmanager
def on(device: str) -> Iterator[None]:
    """Run package code on `device`. On a CPU it must span backward too: checkpointed layers run forward again there."""
    if device == "cuda":
        yield
    else:
        with _CudaOnCpu():
            yield
