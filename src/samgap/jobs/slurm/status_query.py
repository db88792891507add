"""The query for the states of all jobs of a run, as the plugin makes it, but not silent when it fails."""

import re
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

WARN_AFTER_S = 60
"""Seconds without an answer after which a warning is printed."""
WARN_EVERY_S = 1800
"""Seconds between further warnings."""

States = dict[str, str] | None


class StatusQuery:
    """Replaces the plugin's function `query_job_status`.

    It asks squeue where sacct does not answer (no accounting, or an outage of it), includes the jobs of earlier runs,
    and warns of an outage. `states` is the last answer, or None after a failure; `sacct_fails` is set when squeue had
    to answer in the place of sacct. The executor sets `has_ended` at the end of the run: then nothing is asked any
    more, so that a run can be ended during an outage.

    Args:
        query: the plugin's function: command, logger -> (states by id, seconds), both None after a failure.
    """

    def __init__(self, query: Callable[[str, Any], Awaitable[tuple[States, float | None]]]) -> None:
        self.query = query
        self.extra_names: set[str] = set()
        self.states: States = None
        self.sacct_fails = False
        self.has_ended = threading.Event()
        self._failing_since: float | None = None
        self._last_warning = 0.0

    async def __call__(self, command: str, logger: Any) -> tuple[States, float | None]:
        """Return the states of all jobs by id, and the seconds of the query; (None, None) after a failure."""
        if self.has_ended.is_set():
            return None, None
        if self.extra_names:
            command = re.sub(r"(--name \S+)", lambda match: ",".join([match[1], *sorted(self.extra_names)]), command)
        self.states, seconds = await self.query(command, logger)
        if self.states is None and command.startswith("sacct"):
            self.sacct_fails = True
            self.states, seconds = await self.query(make_squeue_command(command), logger)
        self._note_outage(command, logger)
        return self.states, seconds

    def _note_outage(self, command: str, logger: Any) -> None:
        now = time.monotonic()
        if self.states is not None:
            if self._failing_since is not None and self._last_warning > self._failing_since:
                logger.warning(f"SLURM answers again, after {(now - self._failing_since) / 60:.0f} min.")
            self._failing_since = None
            return
        if self._failing_since is None:
            self._failing_since = now
        seconds = now - self._failing_since
        if seconds >= WARN_AFTER_S and now - max(self._last_warning, self._failing_since) >= (
            WARN_EVERY_S if self._last_warning > self._failing_since else WARN_AFTER_S
        ):
            self._last_warning = now
            logger.warning(
                f"SLURM has not told the states of the jobs for {seconds / 60:.0f} min ({command.split()[0]} fails). "
                "The jobs continue, and this run waits for an answer; Ctrl-C ends it."
            )


def make_squeue_command(command: str) -> str:
    """Return the query with squeue that corresponds to one with sacct."""
    names = re.search(r"--name (\S+)", command)
    assert names is not None, command
    return f"squeue --format='%i|%T' --states=all --noheader --name {names[1]}"
