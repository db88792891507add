"""The executor for SLURM with the guards that the plugin's lacks. `samgap.jobs.slurm.install` puts it into Snakemake.

The plugin's executor drops all active jobs if each query of a poll fails, so that the run never ends; it fails a job if
the controller does not answer its submission; an error of a submission can be lost; and it submits a job that is still
running for a run that was killed.
"""

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from samgap.jobs.slurm import commands, earlier_jobs, log_notes, reasons, records
from samgap.jobs.slurm.commands import SlurmError
from samgap.jobs.slurm.status_query import StatusQuery

VANISHED_S = 120
"""Seconds for which SLURM must not know a job before it counts as failed."""
SUBMIT_AGAIN_S = 20
"""Seconds between attempts to submit a job to a controller that does not answer."""


_Base: Any = object
"""The plugin's class takes the place of this one. Without it mypy would know no attribute of it."""


class GuardedExecutor(_Base):
    """The methods that replace those of the plugin's class `Executor`, which comes next in the order of classes.

    Attributes:
        plugin: the plugin's module.
        query: the query for states that the plugin uses.
    """

    plugin: Any
    query: StatusQuery
    next_seconds_between_status_checks: float

    def __init__(self, workflow: Any, logger: Any) -> None:
        # Set first: the constructor of the base starts the thread of the polls.
        self._has_ended = self.query.has_ended
        self._submission = threading.local()
        self._ended_jobs: set[int] = set()
        self._missing_since: dict[str, float] = {}
        self._max_poll_s: float | None = None
        self._earlier = earlier_jobs.EarlierJobs(logger, self._has_ended)
        logger.addFilter(_is_no_traceback_of_submission)
        super().__init__(workflow, logger)

    # --- polls ---

    async def check_active_jobs(self, active_jobs: Sequence[Any]) -> AsyncIterator[Any]:
        """Report the jobs that have ended, and yield all others, whatever the plugin's poll did with them."""
        self._ended_jobs, kept = set(), set()
        asked = [info for info in active_jobs if not self._report_receipt(info)]
        try:
            async for info in super().check_active_jobs(asked):
                if id(info) not in self._ended_jobs and not self._report_vanished(info):
                    kept.add(id(info))
                    yield info
        except Exception as error:
            self.logger.warning(f"A poll of SLURM failed and is repeated: {type(error).__name__}: {error}")
        for info in asked:
            if id(info) not in kept | self._ended_jobs:
                yield info
        self._limit_poll_interval()

    def _report_receipt(self, info: Any) -> bool:
        """Report an earlier run's job as successful if it has said so; SLURM may have forgotten it."""
        if not self._earlier.has_finished(info.external_jobid):
            return False
        self.report_job_success(info)
        return True

    def _report_vanished(self, info: Any) -> bool:
        """Report a job as ended if SLURM has not known it for `VANISHED_S`; else the run would wait for ever."""
        if self.query.states is None or any(key in self.query.states for key in _list_ids(info.external_jobid)):
            self._missing_since.pop(info.external_jobid, None)
            return False
        since = self._missing_since.setdefault(info.external_jobid, time.monotonic())
        if time.monotonic() - since < VANISHED_S:
            return False
        with contextlib.suppress(SlurmError):
            if commands.read_state(info.external_jobid).state:
                return False
            if records.is_finished(info.external_jobid, records.list_outputs(info.job)):
                self.report_job_success(info)
            else:
                self.report_job_error(info, msg="SLURM no longer knows the job, and it has not said that it finished. ")
            return True
        return False

    def _limit_poll_interval(self) -> None:
        """Poll more often than the controller forgets finished jobs, where accounting does not remember them."""
        if self._max_poll_s is None:
            age_s = commands.read_min_job_age_s()
            self._max_poll_s = max(age_s / 3, 5) if age_s else None
        if self._max_poll_s is not None and self.get_status_command() == "squeue":
            self.next_seconds_between_status_checks = min(self.next_seconds_between_status_checks, self._max_poll_s)

    def get_status_command(self) -> str:
        """Return `squeue` where sacct does not answer, else the setting."""
        return "squeue" if self.query.sacct_fails else super().get_status_command()

    async def sleep(self) -> None:
        """Wait for the next poll, or for the end of the run."""
        deadline = time.monotonic() + self.next_seconds_between_status_checks
        while self.wait and (seconds := deadline - time.monotonic()) > 0:
            await asyncio.sleep(min(seconds, 1))

    # --- ends of jobs ---

    def report_job_success(self, job_info: Any) -> None:
        """Report a job's success to Snakemake."""
        self._ended_jobs.add(id(job_info))
        super().report_job_success(job_info)
        self._forget(job_info)

    def report_job_error(self, job_info: Any, msg: str | None = None, **kwargs: Any) -> None:
        """Report a job's failure to Snakemake, and write the reason into the logs of the job's rules."""
        self._ended_jobs.add(id(job_info))
        if job_info.external_jobid is not None:
            msg = f"{self._explain_end(job_info)}. "
        if msg:
            log_notes.append_note(records.list_single_jobs(job_info.job), msg.strip())
        super().report_job_error(job_info, msg=msg, **kwargs)
        self._forget(job_info)

    def _explain_end(self, job_info: Any) -> str:
        job_id = job_info.external_jobid
        try:
            state = commands.read_state(job_id)
        except SlurmError:
            state = commands.JobState(state=(self.query.states or {}).get(job_id, ""))
        log = (job_info.aux or {}).get("slurm_logfile")
        return reasons.explain_end(job_id, state, Path(log) if log else None)

    def _forget(self, job_info: Any) -> None:
        if job_info.external_jobid is not None:
            self._missing_since.pop(job_info.external_jobid, None)
            records.remove_record(job_info.external_jobid)

    # --- submissions ---

    def run_jobs(self, jobs: Sequence[Any]) -> None:
        """Submit jobs. From now on SIGTERM cancels the run as Ctrl-C does; Snakemake alone would wait for its jobs."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _interrupt)
        super().run_jobs(jobs)

    def run_job(self, job: Any) -> None:
        """Submit a job, or take over one that an earlier run submitted; any error ends the job with its reason."""
        self._submit([job], lambda jobs: super(GuardedExecutor, self).run_job(jobs[0]))

    def run_array_jobs(self, jobs: Sequence[Any]) -> None:
        """Submit jobs as an array, as `run_job` does one."""
        self._submit(list(jobs), super().run_array_jobs)

    def _submit(self, jobs: list[Any], submit: Callable[[list[Any]], None]) -> None:
        try:
            jobs = [job for job in jobs if not self._take_over(job)]
            has_warned = False
            while jobs and not self._has_ended.is_set():
                failures = self._collect_failures(jobs, submit)
                if not failures or not all(reasons.is_outage(message) for _, message in failures):
                    break
                if not has_warned:
                    has_warned = True
                    self.logger.warning(
                        f"SLURM does not answer, and this run waits until it does: {reasons.shorten(failures[0][1])}"
                    )
                self._has_ended.wait(SUBMIT_AGAIN_S)
                jobs = [job for job, _ in failures if not self._find_submitted(job)]
            else:
                failures = []
        except Exception as error:
            failures = [(job, f"{type(error).__name__}: {error}") for job in jobs]
        for job, message in failures:
            self._report_job_error_threadsafe(self.plugin.SubmittedJobInfo(job), reasons.explain_refusal(message))

    def _collect_failures(self, jobs: list[Any], submit: Callable[[list[Any]], None]) -> list[tuple[Any, str]]:
        """Submit jobs and return those that were not submitted, with the message about each."""
        self._submission.failures = []
        try:
            submit(jobs)
        except Exception as error:
            # The plugin's own handler fails for a group of jobs, which has no rule; the cause is in the context.
            self._submission.failures += [(job, str(error.__context__ or error)) for job in jobs]
        finally:
            failures, self._submission.failures = self._submission.failures, None
        return failures

    def _report_job_error_threadsafe(self, job_info: Any, msg: str) -> None:
        failures = getattr(self._submission, "failures", None)
        if failures is None:
            super()._report_job_error_threadsafe(job_info, msg)
        else:
            failures.append((job_info.job, msg))

    def _take_over(self, job: Any) -> bool:
        """Take over the job of an earlier run that makes the same outputs; return whether there is one."""
        earlier = self._earlier.take_over(job, self.run_uuid, self._make_comment(job))
        if earlier is None:
            return False
        self.query.extra_names.add(earlier.run)
        self.logger.info(f"SLURM job {earlier.id} of an earlier run makes the files of job {job.jobid}: taken over.")
        self._report_submission(job, earlier.id)
        return True

    def _find_submitted(self, job: Any) -> bool:
        """Register a job that SLURM has taken although sbatch failed; return whether it has."""
        try:
            queued = commands.list_live_jobs()
        except SlurmError:
            return False
        with self.lock:
            known = {info.external_jobid for info in self.active_jobs}
        for candidate in queued:
            if candidate.name == self.run_uuid and candidate.comment == self._make_comment(job):
                if candidate.id not in known:
                    self._report_submission(job, candidate.id)
                return True
        return False

    def _report_submission(self, job: Any, job_id: str) -> None:
        folder = self.slurm_logdir / _name_rule(job) / self.plugin.get_job_wildcards(job)
        info = self.plugin.SubmittedJobInfo(job, external_jobid=job_id, aux={"slurm_logfile": folder / f"{job_id}.log"})
        self._report_job_submission_threadsafe(info)

    def _make_comment(self, job: Any) -> str:
        """Return the comment that the plugin gives a job."""
        wildcards = self.plugin.get_job_wildcards(job)
        return f"rule_{job.name}" + (f"_wildcards_{wildcards}" if wildcards else "")

    def report_job_submission(self, job_info: Any, register_job: bool = True) -> None:
        """Report a submission to Snakemake, and record what the job writes for a later run."""
        super().report_job_submission(job_info, register_job)
        if job_info.external_jobid is not None and job_info.external_jobid not in self._earlier.taken_over:
            try:
                records.write_record(job_info.external_jobid, self.run_uuid, job_info.job)
            except OSError as error:
                self.logger.warning(f"SLURM job {job_info.external_jobid} could not be recorded: {error}")

    # --- the end of the run ---

    def cancel(self) -> None:
        """Cancel all jobs of the run."""
        self._has_ended.set()
        super().cancel()
        # A job that was submitted at the same moment is not in the list of the plugin.
        self._cancel_by_name()

    def cancel_jobs(self, active_jobs: Sequence[Any]) -> None:
        """Cancel jobs; what could not be cancelled is named and does not keep the run from ending."""
        try:
            super().cancel_jobs(active_jobs)
        except Exception as error:
            self.logger.warning(f"{' '.join(str(error).split())}. Cancel them with: scancel --name={self.run_uuid}")

    def _cancel_by_name(self) -> None:
        try:
            commands.cancel_jobs([self.run_uuid])
        except SlurmError as error:
            self.logger.warning(
                f"The jobs of this run may still run ({error}). Cancel them with: scancel --name={self.run_uuid}"
            )

    def shutdown(self) -> None:
        """End the threads of the executor; a submission that waits for the controller is given up."""
        self._has_ended.set()
        super().shutdown()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _list_ids(job_id: str) -> tuple[str, ...]:
    """Return the ids by which SLURM may list a job: those of an array task and its array."""
    return (job_id, job_id.partition("_")[0])


def _name_rule(job: Any) -> str:
    return f"group_{job.name}" if job.is_group() else f"rule_{job.name}"


def _is_no_traceback_of_submission(record: Any) -> bool:
    """Return False for the traceback that the plugin logs of a refused job, whose reason is reported as one line."""
    return not (record.exc_info and record.funcName in ("run_job", "run_array_jobs"))
