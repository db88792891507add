"""Jobs that a killed run left in SLURM: a later run takes them over or waits for them, and submits none twice."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from samgap.jobs.slurm import commands, records
from samgap.jobs.slurm.commands import QueuedJob, SlurmError
from samgap.jobs.slurm.records import SubmittedJob

ASK_AGAIN_S = 10
"""Seconds between two questions whether a job is still live."""


class EarlierJobs:
    """The jobs of other runs in this folder, as they were when this run submitted its first job.

    Args:
        logger: Snakemake's logger.
        has_ended: set when this run ends, which ends all waiting.
    """

    def __init__(self, logger: Any, has_ended: threading.Event) -> None:
        self.logger = logger
        self.has_ended = has_ended
        self.taken_over: dict[str, SubmittedJob] = {}
        self._lock = threading.Lock()
        self._recorded: list[SubmittedJob] | None = None
        self._unrecorded: list[QueuedJob] = []
        self._has_warned = False

    def has_finished(self, job_id: str | None) -> bool:
        """Return whether a job that was taken over has said that it finished."""
        job = self.taken_over.get(job_id or "")
        return job is not None and records.has_finished(job)

    def take_over(self, job: Any, run: str, comment: str) -> SubmittedJob | None:
        """Return the earlier job that makes the outputs of `job` from the same inputs, code and parameters, if any.

        Earlier jobs that write one of the outputs from something else are waited for. What they wrote is then made
        again.

        Args:
            job: a job of Snakemake, or a group.
            run: name of this run's jobs.
            comment: the comment that this run would give the job in SLURM.
        """
        outputs = set(records.list_outputs(job))
        recorded, unrecorded = self._list_jobs(run)
        for earlier in recorded:
            if outputs.isdisjoint(earlier.outputs):
                continue
            state = self._read_state(earlier.id)
            is_same = set(earlier.outputs) == outputs and earlier.digest == records.hash_job(job)
            if is_same and (state.is_live or records.has_finished(earlier)):
                with self._lock:
                    self.taken_over[earlier.id] = earlier
                return earlier
            if state.is_live:
                self._wait_for(earlier.id, earlier.run, "from other inputs, code or parameters")
            records.remove_record(earlier.id)
        for queued in unrecorded:
            if queued.comment == comment:
                self._wait_for(queued.id, queued.name, "and what it makes them from is not recorded")
        return None

    def _list_jobs(self, run: str) -> tuple[Sequence[SubmittedJob], Sequence[QueuedJob]]:
        """Return the recorded jobs of other runs, and the live jobs of other runs in this folder without a record."""
        with self._lock:
            while self._recorded is None and not self.has_ended.is_set():
                try:
                    live = commands.list_live_jobs()
                except SlurmError as error:
                    self._wait_for_answer(error)
                    continue
                prefix = run[:-36]  # what precedes the UUID
                found = records.read_records()
                known = {job.id for job in found}
                self._unrecorded = [
                    job
                    for job in live
                    if Path(job.folder) == Path.cwd()
                    and job.name.startswith(prefix)
                    and job.name != run
                    and job.id not in known
                ]
                self._recorded = [job for job in found if job.run != run]
            return self._recorded or [], self._unrecorded

    def _read_state(self, job_id: str) -> commands.JobState:
        """Return the state of a job; a controller that does not answer is asked again until it does."""
        while not self.has_ended.is_set():
            try:
                return commands.read_state(job_id)
            except SlurmError as error:
                self._wait_for_answer(error)
        return commands.JobState()

    def _wait_for_answer(self, error: SlurmError) -> None:
        if not self._has_warned:
            self._has_warned = True
            self.logger.warning(f"SLURM does not answer, and this run waits until it does: {error}")
        self.has_ended.wait(ASK_AGAIN_S)

    def _wait_for(self, job_id: str, run: str, how: str) -> None:
        if self._read_state(job_id).is_live:
            self.logger.warning(
                f"SLURM job {job_id} of an earlier run ({run}) still writes files that this run needs, {how}. This run "
                f"waits for its end; `scancel {job_id}` ends it."
            )
        while not self.has_ended.wait(ASK_AGAIN_S) and self._read_state(job_id).is_live:
            pass
