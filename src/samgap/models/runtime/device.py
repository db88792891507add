"""Where a model runs, and how the packages' hard-coded CUDA calls run on a machine without a GPU."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before torch is imported. The packages decorate functions for a compiler that a CPU job does not need. And threads
# that wait must sleep: where other work wants the cores, those that spin make every operator wait for them (measured:
# forty times as long).
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import psutil
import torch
from torch.overrides import TorchFunctionMode

from samgap.errors import UserError

logger = logging.getLogger("samgap")


def init_torch(n_threads: int) -> None:
    """Torch as every job has it: its seed, and no more threads on the CPU than the job was given."""
    torch.manual_seed(0)
    torch.set_num_threads(n_threads)


def select_device(setting: str) -> str:
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


def synchronize(device: str) -> None:
    """Wait for the GPU, so that a clock read next tells what was done and not what was asked for."""
    if device == "cuda":
        torch.cuda.synchronize()


def get_free_memory_bytes(device: str) -> int:
    """Bytes that a job may still take: of the GPU, or of the machine and of the control group that a scheduler set."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    return min(
        [psutil.virtual_memory().available, *_get_free_cgroup_bytes(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))]
    )


def _get_free_cgroup_bytes(cgroup_root: Path, membership_file: Path) -> list[int]:
    """What is left of the memory limits of this process's control group (version 2) and of those above it."""
    try:
        inside = membership_file.read_text().partition("0::/")[2].split("\n")[0]
    except OSError:
        return []
    left = []
    for group in (cgroup_root / inside, *(cgroup_root / inside).parents):
        if cgroup_root != group and cgroup_root not in group.parents:
            break
        with contextlib.suppress(OSError, ValueError):  # no limit there: no such file, or "max"
            limit, used = (int((group / f"memory.{name}").read_text()) for name in ("max", "current"))
            told = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
            left.append(max(limit - used + int(told.get("inactive_file", 0)), 0))  # cached files give way
    return left


class _CudaToCpuMode(TorchFunctionMode):
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
def cuda_shim(device: str) -> Iterator[None]:
    """Run package code on `device`. On a CPU it must span backward too: checkpointed layers run forward again there."""
    if device == "cuda":
        yield
    else:
        with _CudaToCpuMode():
            yield
