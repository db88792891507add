"""What a node offers to a job, and the lines that a site puts into the profile for SLURM."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

COMMAND_SECONDS = 30
"""A command that has not answered after this time counts as missing."""
CONNECTION_SECONDS = 5
TEST_BYTES = 64 << 20
"""Bytes that are written and read to measure a disk."""
RULE_MINUTES = 120
"""Run time that the rules request for their first attempt."""


def run_command(*command: str) -> str | None:
    """Return the output of a command; None if it is not installed, fails, or does not answer."""
    if shutil.which(command[0]) is None:
        return None
    try:
        process = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=COMMAND_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout.strip()


def describe_node(hosts: Iterable[str], folders: Mapping[str, Path]) -> dict[str, Any]:
    """Return what this job has: node, cores, memory, GPUs as the driver lists them, disks, network and SLURM.

    Args:
        hosts: Names of the servers that downloads come from.
        folders: Name of a disk -> a folder on it.
    """
    gpus = run_command("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    return {
        "node": socket.gethostname(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "driver": gpus.splitlines() if gpus else [],
        "disks": {name: measure_disk(folder) for name, folder in folders.items()},
        "network": {host: measure_connection(host) for host in sorted(set(hosts))},
        "slurm": describe_slurm(os.environ),
    }


def measure_disk(folder: Path, n_bytes: int = TEST_BYTES) -> dict[str, float]:
    """Return the speed at which a file in `folder` is written and synchronised, and read again, MB/s."""
    block = os.urandom(1 << 20)
    with tempfile.TemporaryFile(dir=folder) as stream:
        start = time.perf_counter()
        for _ in range(n_bytes >> 20):
            stream.write(block)
        stream.flush()
        os.fsync(stream.fileno())
        written = time.perf_counter()
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        stream.seek(0)
        while stream.read(1 << 20):
            pass
        read = time.perf_counter()
    return {"write_mb_s": n_bytes / 1e6 / (written - start), "read_mb_s": n_bytes / 1e6 / (read - written)}


def measure_connection(host: str, port: int = 443) -> float | None:
    """Return the time to connect to a server, s; None if it cannot be reached."""
    start = time.perf_counter()
    try:
        with socket.create_connection((host, port), timeout=CONNECTION_SECONDS):
            return time.perf_counter() - start
    except OSError:
        return None


def describe_slurm(environment: Mapping[str, str]) -> dict[str, Any] | None:
    """Return job, partition, time limit in minutes and the command that reports states; None outside of SLURM."""
    job = environment.get("SLURM_JOB_ID")
    if job is None:
        return None
    limit = run_command("squeue", "--noheader", "--jobs", job, "--format", "%l")
    has_accounting = bool(run_command("sacct", "--noheader", "--allocations", "--jobs", job))
    return {
        "job": job,
        "partition": environment.get("SLURM_JOB_PARTITION"),
        "limit_minutes": parse_minutes(limit) if limit else None,
        "status_command": "sacct" if has_accounting else "squeue" if limit is not None else None,
    }


def parse_minutes(text: str) -> float | None:
    """Return a time of SLURM (`days-hours:minutes:seconds`, `minutes:seconds`) in minutes; None if it has no limit."""
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", text.strip())
    if not match:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (24 * days + hours) * 60 + minutes + seconds / 60


def suggest_profile_lines(cpu: Mapping[str, Any], gpu: Mapping[str, Any]) -> list[str]:
    """Return lines for the profile from the descriptions of a CPU and a GPU job; without SLURM, a command."""
    slurm, gpu_slurm = cpu["slurm"], gpu["slurm"]
    if slurm is None or gpu_slurm is None:
        n_gpus = len(gpu["torch"]["gpus"])
        resources = f" --resources gpu={n_gpus}" if n_gpus > 1 else ""
        return [f"# no SLURM: snakemake --cores {cpu['cores']}{resources}"]
    lines = []
    if slurm["status_command"] == "squeue":
        lines.append("slurm-status-command: squeue  # sacct does not know the job")
    lines += ["default-resources:", f"  slurm_partition: {slurm['partition']}"]
    settings = {}
    if gpu_slurm["partition"] != slurm["partition"]:
        settings["slurm_partition"] = gpu_slurm["partition"]
    limit = gpu_slurm["limit_minutes"]
    if limit is not None and limit < RULE_MINUTES:
        settings["runtime"] = f"{limit:.0f}"
    if settings:
        lines.append("set-resources:")
        for rule in ("predict", "train"):
            lines += [f"  {rule}:", *(f"    {key}: {value}" for key, value in settings.items())]
    return lines


def list_problems(gpu: Mapping[str, Any]) -> list[str]:
    """Return what stops or slows GPU jobs, from the description of a GPU job; empty if its GPU computes."""
    torch = gpu["torch"]
    if torch["error"]:
        return [f"the GPU cannot be used: {torch['error']}"]
    if torch["gpus"]:
        return []
    if gpu["driver"]:
        return [
            f"nvidia-smi lists {len(gpu['driver'])} GPUs, but torch {torch['version']} sees none: update the driver"
        ]
    return ["no GPU: predictions and trainings run on the CPU, or their jobs need another partition"]


def format_report(name: str, node: Mapping[str, Any]) -> list[str]:
    """Return the description of a job as lines for the terminal."""
    torch, slurm = node["torch"], node["slurm"]
    disks = [f"{disk} {speed['write_mb_s']:,.0f}/{speed['read_mb_s']:,.0f}" for disk, speed in node["disks"].items()]
    network = [
        f"{host} {f'{seconds:.2f} s' if seconds is not None else 'not reachable'}"
        for host, seconds in node["network"].items()
    ]
    limit = slurm and slurm["limit_minutes"]
    rows = {
        "node": f"{node['node']}, {node['cores']} cores, {node['memory_mb']:,} MB",
        "driver": "; ".join(node["driver"]) or "no NVIDIA driver",
        "torch": f"{torch['version']}, CUDA {torch['cuda'] or 'not built in'}; {'; '.join(torch['gpus']) or 'no GPU'}",
        "disks (MB/s written/read)": ", ".join(disks),
        "network (time to connect)": ", ".join(network) or "no downloads",
        "SLURM": "no"
        if slurm is None
        else f"job {slurm['job']}, partition {slurm['partition']}, "
        f"{f'{limit:,.0f} min' if limit is not None else 'no limit'}, states by {slurm['status_command']}",
    }
    return [f"{name} job", *_indent(f"{key}: {value}" for key, value in rows.items())]


def _indent(lines: Iterable[str]) -> Sequence[str]:
    return [f"  {line}" for line in lines]
