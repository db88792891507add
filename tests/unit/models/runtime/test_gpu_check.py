"""Why torch cannot use a GPU, and whether a job was given one."""

import re

import pytest
import torch

from samgap.errors import UserError
from samgap.models.runtime import device, gpu_check

TOO_OLD = (
    "The NVIDIA driver on your system is too old (found version 12020). Please update your GPU driver by downloading "
    "and installing a new version from the URL: http://www.nvidia.com/Download/index.aspx"
)
NO_DRIVER = "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver"
GPU_VARIABLES = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_GPUS_ON_NODE", "SLURM_JOB_ID", "CUDA_VISIBLE_DEVICES")


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine without a GPU, on which torch is built for CUDA 13.0; a function makes CUDA fail with a message."""
    for name in GPU_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(gpu_check, "DEVICE_FOLDER", tmp_path)
    monkeypatch.setattr(gpu_check, "DRIVER_VERSION_FILE", tmp_path / "version")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    zeros = torch.zeros

    def fail_with(message):
        def raise_on_cuda(*args, **kwargs):
            if kwargs.get("device") == "cuda":
                raise RuntimeError(message)
            return zeros(*args, **kwargs)

        monkeypatch.setattr(torch, "zeros", raise_on_cuda)

    fail_with(NO_DRIVER)
    return fail_with


def write_driver(version):
    gpu_check.DRIVER_VERSION_FILE.write_text(
        f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Thu Feb  1 01:28:10 UTC 2024\nGCC version:  gcc\n",
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    ("environment", "evidence"),
    [
        ({}, None),
        ({"SLURM_JOB_ID": "7"}, None),
        ({"SLURM_JOB_ID": "7", "SLURM_JOB_GPUS": "0"}, r"SLURM gave this job a GPU (SLURM_JOB_GPUS=0)"),
        ({"SLURM_JOB_ID": "7", "SLURM_GPUS_ON_NODE": "2"}, r"SLURM gave this job a GPU (SLURM_GPUS_ON_NODE=2)"),
        ({"SLURM_JOB_ID": "7", "SLURM_GPUS_ON_NODE": "0"}, None),
        ({"SLURM_JOB_GPUS": "3", "CUDA_VISIBLE_DEVICES": "NoDevFiles"}, "SLURM gave this job a GPU (SLURM_JOB_GPUS=3)"),
        ({"CUDA_VISIBLE_DEVICES": "0,1"}, "CUDA_VISIBLE_DEVICES is 0,1"),
        ({"CUDA_VISIBLE_DEVICES": "MIG-4d7a"}, "CUDA_VISIBLE_DEVICES is MIG-4d7a"),
        ({"CUDA_VISIBLE_DEVICES": ""}, None),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, None),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, None),
    ],
)
def test_a_gpu_is_expected_if_the_job_was_given_one(machine, environment, evidence):
    assert gpu_check.find_gpu_evidence(environment) == evidence


def test_a_gpu_of_the_machine_is_expected_unless_it_is_hidden(machine):
    (gpu_check.DEVICE_FOLDER / "nvidiactl").touch()
    assert gpu_check.find_gpu_evidence({}) is None
    (gpu_check.DEVICE_FOLDER / "nvidia0").touch()
    assert gpu_check.find_gpu_evidence({}).startswith("this machine has an NVIDIA GPU (")
    for hidden in ({"CUDA_VISIBLE_DEVICES": ""}, {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "-1"}):
        assert gpu_check.find_gpu_evidence(hidden) is None
    # A SLURM job that needs a GPU and runs on a node with GPUs was requested without one.
    for forgotten in ({"SLURM_JOB_ID": "7"}, {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "NoDevFiles"}):
        evidence = gpu_check.find_gpu_evidence(forgotten)
        assert evidence == f"SLURM gave this job none of the GPUs of its node ({gpu_check.DEVICE_FOLDER / 'nvidia0'})"


def test_a_gpu_without_a_device_file_is_expected_too(machine, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)  # as in WSL
    assert gpu_check.find_gpu_evidence({}) == "this machine has an NVIDIA GPU"


def test_a_driver_that_is_too_old_is_named_with_the_one_needed(machine):
    machine(TOO_OLD)
    write_driver("535.129.03")
    fault = gpu_check.find_gpu_fault()
    assert "the driver 535.129.03 supports CUDA 12.2, which is too old for CUDA 13.0" in fault
    assert "needs the NVIDIA driver 580 or newer: update it" in fault


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (NO_DRIVER, "no NVIDIA driver is visible to it .*--nv.*driver 580 or newer"),
        ("CUDA error: out of memory\nCompile with TORCH_USE_CUDA_DSA", "^CUDA error: out of memory; other programs"),
        ("CUDA-capable device(s) is/are busy or unavailable", "busy or unavailable; another program uses the GPU excl"),
        ("No CUDA GPUs are available", "No CUDA GPUs are available; CUDA_VISIBLE_DEVICES names no GPU.*MIG.*UUID"),
        ("CUDA error: no kernel image is available for execution on the device", "so old a GPU; use a newer GPU"),
        ("CUDA error: unknown error", "CUDA error: unknown error; check it with nvidia-smi"),
    ],
)
def test_other_faults_have_a_cause_and_a_remedy(machine, monkeypatch, message, expected):
    machine(message)
    if message != NO_DRIVER:
        monkeypatch.setattr(gpu_check, "_query_driver_cuda_version", lambda _: (13, 0))
    fault = gpu_check.find_gpu_fault()
    assert re.search(expected, fault) and "\n" not in fault


def test_a_torch_without_cuda_is_named(machine, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "is a build without CUDA" in gpu_check.find_gpu_fault()


def test_auto_selects_the_cpu_only_where_no_gpu_is_expected(machine, monkeypatch, caplog):
    with caplog.at_level("INFO", logger="samgap"):
        assert device.select_device("auto") == "cpu"
    assert "device: auto, no GPU was found; using the CPU" in caplog.text
    machine(TOO_OLD)
    monkeypatch.setenv("SLURM_JOB_GPUS", "0")
    with pytest.raises(UserError, match=r"^device: auto, and SLURM gave .*too old.*driver 580.* set device: cpu$"):
        device.select_device("auto")
    assert device.select_device("cpu") == "cpu"


def test_cuda_without_a_gpu_is_a_user_error(machine):
    with pytest.raises(UserError, match="^device: cuda, but no GPU can be used here: no NVIDIA driver"):
        device.select_device("cuda")


def test_a_gpu_that_works_is_selected(machine, monkeypatch):
    monkeypatch.setattr(torch, "zeros", lambda *_, **__: torch.tensor([0.0]))
    assert device.select_device("auto") == device.select_device("cuda") == "cuda"


def test_the_locked_torch_has_a_minimum_driver():
    assert int(torch.__version__.rpartition("+cu")[2][:2] or 13) in gpu_check.MIN_DRIVERS
