"""Whether torch can use a GPU, why not, and whether this job was given one."""

import contextlib
import ctypes
import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch

MIN_DRIVERS = {11: "450", 12: "525", 13: "580"}
"""Major version of CUDA -> the oldest NVIDIA driver on Linux that runs programs built for it (all minor versions).
Source: NVIDIA, CUDA Compatibility, "Minor Version Compatibility", table 1."""
HIDDEN_BY_SLURM = "NoDevFiles"
"""The value of CUDA_VISIBLE_DEVICES that SLURM sets for a job without a GPU."""
HIDDEN_DEVICES = ("", "-1", HIDDEN_BY_SLURM)
"""Values of CUDA_VISIBLE_DEVICES that hide all GPUs."""
DRIVER_VERSION_FILE = Path("/proc/driver/nvidia/version")
DEVICE_FOLDER = Path("/dev")

_NO_SUCH_GPU = "CUDA_VISIBLE_DEVICES names no GPU of this machine; with MIG it must be a UUID (nvidia-smi -L)"
HINTS = (
    ("out of memory", "other programs use the memory of the GPU; end them, or wait"),
    ("busy or unavailable", "another program uses the GPU exclusively (nvidia-smi shows the compute mode)"),
    ("no kernel image", "this torch has no code for so old a GPU; use a newer GPU"),
    ("no CUDA-capable device", _NO_SUCH_GPU),
    ("no CUDA GPUs", _NO_SUCH_GPU),
    ("invalid device", _NO_SUCH_GPU),
)
"""Part of a message of CUDA -> its usual cause, or what to do."""


def find_gpu_evidence(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return why a GPU is expected here, as the part of a sentence; None if this job was given none.

    It is expected if SLURM gave one to the job, or if the machine has one that is not hidden by CUDA_VISIBLE_DEVICES.
    Only jobs of families that use a GPU ask this: a job on a node with GPUs that was given none was requested wrongly.
    """
    for name in ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_GPUS_ON_NODE"):
        value = environment.get(name, "")
        if value and (name, value) != ("SLURM_GPUS_ON_NODE", "0"):  # the others are numbers of GPUs, from 0 on
            return f"SLURM gave this job a GPU ({name}={value})"
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    devices = sorted(DEVICE_FOLDER.glob("nvidia[0-9]*"))
    if "SLURM_JOB_ID" in environment and visible in (None, HIDDEN_BY_SLURM):
        return f"SLURM gave this job none of the GPUs of its node ({devices[0]})" if devices else None
    if visible is not None:
        return None if visible.strip() in HIDDEN_DEVICES else f"CUDA_VISIBLE_DEVICES is {visible}"
    if devices:
        return f"this machine has an NVIDIA GPU ({devices[0]})"
    if torch.cuda.device_count():
        return "this machine has an NVIDIA GPU"
    return None


def find_gpu_fault() -> str | None:
    """Return why torch cannot use a GPU, and what to do, in one line; None if it can."""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is a build without CUDA; install the locked one (make env)"
    try:
        # A small computation: the driver, the access to the device, its memory and the code for it are all needed.
        is_correct = bool((torch.zeros(1, device="cuda") + 1).item() == 1)
    except (RuntimeError, AssertionError) as error:
        return _explain_error(str(error))
    return None if is_correct else "the GPU computes 0 + 1 wrongly; use another GPU"


def _explain_error(message: str) -> str:
    needed = int(str(torch.version.cuda).split(".")[0])
    needed_text = f"torch {torch.__version__} needs the NVIDIA driver {MIN_DRIVERS.get(needed, 'of its CUDA')} or newer"
    driver, driver_cuda = _read_driver_version(), _query_driver_cuda_version(message)
    if driver_cuda is None and (driver or "NVIDIA driver" in message):
        return f"no NVIDIA driver is visible to it (in a container: apptainer --nv, docker --gpus all); {needed_text}"
    if driver_cuda is not None and driver_cuda[0] < needed:
        major, minor = driver_cuda
        return (
            f"the driver{f' {driver}' if driver else ''} supports CUDA {major}.{minor}, which is too old for CUDA "
            f"{torch.version.cuda}; {needed_text}: update it"
        )
    hint = next((hint for part, hint in HINTS if part.lower() in message.lower()), "check it with nvidia-smi")
    return f"{' '.join(message.splitlines()[0].split()).rstrip('.')}; {hint}"


def _read_driver_version() -> str | None:
    """Return the version of the kernel's NVIDIA driver, such as 535.129.03; None without one."""
    try:
        match = re.search(r"\b(\d{3,}\.\d+(?:\.\d+)*)\b", DRIVER_VERSION_FILE.read_text(encoding="utf-8"))
    except OSError:
        return None
    return match[1] if match else None


def _query_driver_cuda_version(message: str) -> tuple[int, int] | None:
    """Return the newest version of CUDA that the driver supports, (major, minor); None without a driver.

    Args:
        message: an error message of torch, which may have the version.
    """
    version = ctypes.c_int(0)
    if match := re.search(r"found version (\d+)", message):
        version.value = int(match[1])
    else:
        with contextlib.suppress(OSError, AttributeError):  # the driver's library is missing
            ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(version))
    return (version.value // 1000, version.value % 1000 // 10) if version.value else None
