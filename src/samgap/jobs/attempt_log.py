"""The log of a rule with all attempts of its job. Snakemake removes a log before each attempt.

A second name of the file, `.<name>.attempts` beside it, keeps the content, and the next attempt adds to it.
"""

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

HEADING = "=== attempt "
"""The start of the line before the messages of an attempt."""


def open_attempt_log(path: Path, environment: Mapping[str, str]) -> TextIO:
    """Return the log, open for appending, after the messages of earlier attempts and the heading of a new one.

    Args:
        path: the log of the rule; its folder is created if needed.
        environment: the environment variables of the job, which have its SLURM job.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = path.with_name(f".{path.name}.attempts")
    if kept.exists() and not path.exists():
        _link(kept, path)
    stream = path.open("a", encoding="utf-8")
    if not kept.exists():
        _link(path, kept)
    job = f", SLURM job {environment['SLURM_JOB_ID']}" if environment.get("SLURM_JOB_ID") else ""
    heading = f"{_count_attempts(path) + 1}, {time.strftime('%Y-%m-%d %H:%M:%S')}, on {socket.gethostname()}{job}"
    print(f"{HEADING}{heading}", file=stream, flush=True)
    return stream


def _link(source: Path, destination: Path) -> None:
    """Give a file a second name. Without hard links, the content of the earlier attempts alone is copied."""
    try:
        os.link(source, destination)
    except OSError:
        with contextlib.suppress(OSError):
            shutil.copyfile(source, destination)


def _count_attempts(path: Path) -> int:
    with path.open(encoding="utf-8", errors="replace") as stream:
        return sum(line.startswith(HEADING) for line in stream)
