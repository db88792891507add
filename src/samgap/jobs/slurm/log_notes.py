"""Lines that are added to the log of a rule from outside of its job, which may have been killed."""

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from samgap.io.redaction import redact


def append_note(jobs: Iterable[Any], line: str) -> None:
    """Add a line to the log of each job of Snakemake; a log that cannot be written is left as it is.

    Args:
        jobs: the jobs, each with the attribute `log`.
        line: text without a line break.
    """
    for path in (Path(str(path)) for job in jobs for path in job.log):
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as stream:
                stream.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} ERROR {redact(line)}\n")
