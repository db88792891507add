"""What a node offers to a job, and the profile's lines that follow from it."""

import socket
import stat

import pytest

from samgap.jobs import site_check

NODE = {
    "node": "cpu1",
    "cores": 8,
    "memory_mb": 16000,
    "driver": [],
    "disks": {"results": {"write_mb_s": 210.4, "read_mb_s": 1200.2}},
    "network": {"example.org": 0.0812, "example.net": None},
    "slurm": None,
    "torch": {"version": "2.11.0", "cuda": "13.0", "gpus": [], "error": None},
}
SLURM = {"job": "17", "partition": "cpu", "limit_minutes": 1440.0, "status_command": "sacct"}
GPU = {
    **NODE,
    "node": "gpu1",
    "driver": ["NVIDIA A100, 81920 MiB, 580.65"],
    "torch": {**NODE["torch"], "gpus": ["NVIDIA A100, 81,100 MB"]},
}


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """A function that writes a command which prints a text and exits with a code."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def write(name, output, code=0):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\nprintf '%s\\n' '{output}'\nexit {code}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return write


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("2-00:00:00", 2880), ("1:30:00", 90), ("10:30", 10.5), ("UNLIMITED", None), ("INVALID", None), ("", None)],
)
def test_times_of_slurm_are_read(text, minutes):
    assert site_check.parse_minutes(text) == minutes


def test_a_job_outside_of_slurm_has_no_limit():
    assert site_check.describe_slurm({}) is None


@pytest.mark.parametrize(
    ("sacct_code", "sacct_text", "expected"), [(0, "17 demo", "sacct"), (1, "", "squeue"), (0, "", "squeue")]
)
def test_states_come_from_squeue_if_sacct_does_not_know_the_job(commands, sacct_code, sacct_text, expected):
    commands("squeue", "1-00:00:00")
    commands("sacct", sacct_text, sacct_code)
    slurm = site_check.describe_slurm({"SLURM_JOB_ID": "17", "SLURM_JOB_PARTITION": "cpu"})
    assert slurm == {**SLURM, "status_command": expected}


def test_a_command_that_is_missing_or_fails_has_no_output(commands):
    commands("broken", "text", 3)
    assert site_check.run_command("broken") is None and site_check.run_command("no-such-command") is None


def test_the_disk_is_measured_and_nothing_is_left(tmp_path):
    speed = site_check.measure_disk(tmp_path, n_bytes=2 << 20)
    assert speed["write_mb_s"] > 0 and speed["read_mb_s"] > 0
    assert list(tmp_path.iterdir()) == []


def test_a_server_is_reachable_or_not():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert 0 <= site_check.measure_connection("127.0.0.1", port) < 5
    assert site_check.measure_connection("127.0.0.1", port) is None


def test_a_node_is_described(tmp_path, commands, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr(site_check, "measure_disk", lambda folder: {"write_mb_s": 1.0, "read_mb_s": 2.0})
    commands("nvidia-smi", "NVIDIA A100, 81920 MiB, 580.65")
    node = site_check.describe_node([], {"results": tmp_path})
    assert node["driver"] == GPU["driver"] and node["slurm"] is None and node["network"] == {}
    assert node["cores"] >= 1 and node["memory_mb"] > 100


def test_lines_for_a_cluster_name_partitions_limits_and_the_command_of_states():
    cpu = {**NODE, "slurm": {**SLURM, "status_command": "squeue"}}
    gpu = {**GPU, "slurm": {**SLURM, "partition": "gpu", "limit_minutes": 60.0}}
    assert site_check.suggest_profile_lines(cpu, gpu) == [
        "slurm-status-command: squeue  # sacct does not know the job",
        "default-resources:",
        "  slurm_partition: cpu",
        "set-resources:",
        "  predict:",
        "    slurm_partition: gpu",
        "    runtime: 60",
        "  train:",
        "    slurm_partition: gpu",
        "    runtime: 60",
    ]
    same = {**GPU, "slurm": SLURM}
    assert site_check.suggest_profile_lines({**NODE, "slurm": SLURM}, same) == [
        "default-resources:",
        "  slurm_partition: cpu",
    ]


def test_lines_without_slurm_are_those_of_a_command():
    assert site_check.suggest_profile_lines(NODE, NODE) == ["# no SLURM: snakemake --cores 8"]
    two = {**GPU, "torch": {**GPU["torch"], "gpus": ["A", "B"]}}
    assert site_check.suggest_profile_lines(NODE, two) == ["# no SLURM: snakemake --cores 8 --resources gpu=2"]


def test_what_stops_gpu_jobs_is_named():
    assert site_check.list_problems(GPU) == []
    assert "no GPU: predictions and trainings run on the CPU" in site_check.list_problems(NODE)[0]
    (old,) = site_check.list_problems({**GPU, "torch": NODE["torch"]})
    assert old == "nvidia-smi lists 1 GPUs, but torch 2.11.0 sees none: update the driver"
    broken = {**GPU, "torch": {**GPU["torch"], "error": "out of memory"}}
    assert site_check.list_problems(broken) == ["the GPU cannot be used: out of memory"]


def test_the_report_says_what_is_missing():
    text = "\n".join(site_check.format_report("CPU", NODE))
    assert "driver: no NVIDIA driver" in text and "torch: 2.11.0, CUDA 13.0; no GPU" in text
    assert "example.org 0.08 s, example.net not reachable" in text
    assert "results 210/1,200" in text and "SLURM: no" in text
    text = "\n".join(site_check.format_report("GPU", {**GPU, "slurm": {**SLURM, "limit_minutes": None}}))
    assert "job 17, partition cpu, no limit, states by sacct" in text and "NVIDIA A100" in text
