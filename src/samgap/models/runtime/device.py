"""The device of a model, its free memory, and the packages' hard-coded CUDA calls on machines without a GPU."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Both must be set before torch is imported. The packages compile functions, which a CPU job does not need. And idle
# OpenMP threads must sleep: on a machine with other work, spinning threads made every operator 40 times slower.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import psutil
import torch
from torch.overrides import TorchFunctionMode

from samgap.errors import UserError
from samgap.models.runtime.arithmetic import set_arithmetic
from samgap.models.runtime.gpu_check import find_gpu_evidence, find_gpu_fault

logger = logging.getLogger("samgap")


def init_torch(n_threads: int, tf32: bool) -> None:
    """Seed torch with 0, limit its CPU threads and set its arithmetic, as every job does.

    A training seeds torch itself (`samgap.training.run`).

    Args:
        n_threads: number of threads.
        tf32: the configuration's `tf32` (`samgap.models.runtime.arithmetic`).
    """
    torch.manual_seed(0)
    torch.set_num_threads(n_threads)
    set_arithmetic(tf32)


def select_device(setting: str) -> str:
    """Return `cpu` or `cuda` for the configuration's `device`.

    `auto` is `cuda` where a GPU can be used, and `cpu` on a machine without a GPU or in a job that was given none.

    Args:
        setting: `auto`, `cpu` or `cuda`.

    Raises:
        UserError: no GPU can be used, although the setting is `cuda`, or `auto` where there should be one. A run on the
            CPU would take many times as long, and its numbers are not those of a GPU.
    """
    if setting == "cpu":
        return "cpu"
    fault = find_gpu_fault()
    if fault is None:
        return "cuda"
    if setting == "cuda":
        raise UserError(f"device: cuda, but no GPU can be used here: {fault}. Or set device: auto or cpu")
    if evidence := find_gpu_evidence():
        raise UserError(
            f"device: auto, and {evidence}, but no GPU can be used: {fault}. To run on the CPU, set device: cpu"
        )
    logger.info("device: auto, no GPU was found; using the CPU")
    return "cpu"


def synchronize(device: str) -> None:
    """Wait until the GPU has finished, so that a time measured next includes the work and not only its launch."""
    if device == "cuda":
        torch.cuda.synchronize()


def get_free_memory_bytes(device: str) -> int:
    """Return the memory that a job may still allocate, in bytes.

    On a CPU the limits are the machine's memory and the control groups that a scheduler sets.
    """
    if device == "cuda":
        return torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    return min(
        [psutil.virtual_memory().available, *_get_free_cgroup_bytes(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))]
    )


def _get_free_cgroup_bytes(cgroup_root: Path, membership_file: Path) -> list[int]:
    """Return the free memory, in bytes, of this process's control group (version 2) and its parents with a limit."""
    try:
        group_name = membership_file.read_text(encoding="utf-8").partition("0::/")[2].split("\n")[0]
    except OSError:
        return []
    free_bytes = []
    for group in (cgroup_root / group_name, *(cgroup_root / group_name).parents):
        if cgroup_root != group and cgroup_root not in group.parents:
            break
        with contextlib.suppress(OSError, ValueError):  # without a limit the file is missing or contains "max"
            limit, used = (int((group / f"memory.{name}").read_text(encoding="utf-8")) for name in ("max", "current"))
            statistics = dict(line.split() for line in (group / "memory.stat").read_text(encoding="utf-8").splitlines())
            # The kernel reclaims inactive file pages before a process runs out of memory.
            free_bytes.append(max(limit - used + int(statistics.get("inactive_file", 0)), 0))
    return free_bytes


class _ReplaceCudaMode(TorchFunctionMode):
    """Replaces the device `cuda` by another in all torch calls; pinning and `.cuda()` return the tensor unchanged."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = torch.device(device)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        device = kwargs.get("device")
        if device is not None and torch.device(device).type == "cuda":
            kwargs["device"] = self.device
        if func in (torch.Tensor.pin_memory, torch.Tensor.cuda):
            return args[0]
        return func(*args, **kwargs)


@contextlib.contextmanager
def cuda_shim(device: str) -> Iterator[None]:
    """Run package code with hard-coded CUDA devices on `device`.

    In training the context must include the backward pass, where checkpointed layers run their forward pass again.
    """
    if device == "cuda":
        yield
    else:
        with _ReplaceCudaMode(device):
            yield
