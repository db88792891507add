"""Times of outputs where the clocks of nodes differ.

Snakemake fails a job, and deletes what it made, if an output is older than an input. It is older if the clock of the
job's node is slow, or if a node with a fast clock wrote the input.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def accept_clock_skew(dag: Any) -> None:
    """Let Snakemake accept outputs that are older than inputs, and give them the time of the newest input.

    Args:
        dag: Snakemake's class of the graph of jobs.
    """
    check = dag.check_and_touch_output

    async def check_and_advance(self: Any, job: Any, *args: Any, **options: Any) -> None:
        await check(self, job, *args, **{**options, "check_output_mtime": False})
        advance_outputs(map(str, job.input), map(str, job.output))

    dag.check_and_touch_output = check_and_advance


def advance_outputs(inputs: Iterable[str | Path], outputs: Iterable[str | Path]) -> None:
    """Give each output that is older than the newest input the time of that input; others are unchanged.

    Args:
        inputs: paths of the files and folders that a job has read; those that do not exist are left out.
        outputs: paths of the files and folders that it has written.
    """
    newest_ns = max((time_ns for path in inputs if (time_ns := _read_time_ns(path)) is not None), default=0)
    for path in outputs:
        time_ns = _read_time_ns(path)
        if time_ns is not None and time_ns < newest_ns:
            # Of a link into the cache, which other runs share, the link itself is changed.
            os.utime(path, ns=(newest_ns, newest_ns), follow_symlinks=False)


def _read_time_ns(path: str | Path) -> int | None:
    try:
        return os.lstat(path).st_mtime_ns
    except OSError:
        return None
