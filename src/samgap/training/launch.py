"""The start of a training in several processes, one for each GPU, by `torchrun` on one node."""

import logging
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from samgap.errors import UserError
from samgap.io.files import write_json
from samgap.training.interruption import STOP_SIGNALS

logger = logging.getLogger("samgap")

ERROR_SUFFIX = ".error"
"""Suffix of the file, beside that of the job, with the one-line error of a process."""


def make_command(job_path: Path, n_gpus: int) -> list[str]:
    """Return the command that starts a training's processes.

    Args:
        job_path: file with the argument of `samgap.training.run.run_job`.
        n_gpus: number of processes.
    """
    program = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={n_gpus}"]
    return [*program, "--standalone", "-m", "samgap.training.process", str(job_path)]


def check_gpus(n_gpus: int, device: str) -> None:
    """Check that the job has its GPUs.

    Raises:
        UserError: there are fewer.
    """
    if device == "cuda" and torch.cuda.device_count() < n_gpus:
        raise UserError(
            f"training: gpus is {n_gpus}, but this job has {torch.cuda.device_count()}; set gpus to this number, or "
            "run it where there are more"
        )


def run_processes(job: Mapping[str, Any], job_path: Path, n_gpus: int) -> None:
    """Do a training in several processes and wait for its end. Their messages are logged.

    A signal that asks this process to stop is passed on, so that the training saves its state.

    Args:
        job: the argument of `samgap.training.run.run_job`.
        job_path: file to which it is written; it is removed at the end.
        n_gpus: number of processes.

    Raises:
        UserError: a process ended with one, or without an exit code of 0.
    """
    error_path = job_path.with_suffix(ERROR_SUFFIX)
    error_path.unlink(missing_ok=True)
    write_json(job_path, job)
    command = make_command(job_path, n_gpus)
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8") as process:
            previous = {
                number: signal.signal(number, lambda *_: process.send_signal(signal.SIGTERM)) for number in STOP_SIGNALS
            }
            try:
                for line in process.stdout or ():
                    logger.info("%s", line.rstrip())
            finally:
                for number, handler in previous.items():
                    signal.signal(number, handler)
        if error_path.is_file():
            raise UserError(error_path.read_text(encoding="utf-8"))
        if process.returncode:
            raise UserError(
                f"training: torchrun ended with exit code {process.returncode}; the reason is above in the log"
            )
    finally:
        job_path.unlink(missing_ok=True)
        error_path.unlink(missing_ok=True)
