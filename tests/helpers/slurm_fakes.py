"""Jobs of Snakemake, and an executor in the place of the plugin's, for the tests of the guards."""

import threading
from types import SimpleNamespace
from typing import Any


class Named(list):
    """A list with names, as Snakemake passes wildcards and parameters."""

    def __init__(self, **values: Any) -> None:
        super().__init__(values.values())
        self._values = values

    def items(self):
        return self._values.items()


def make_job(outputs: list[str], inputs: tuple[str, ...] = (), log: tuple[str, ...] = (), **params: Any) -> Any:
    """Return a job of the rule `predict`."""
    return SimpleNamespace(
        name="predict",
        jobid=1,
        rule=SimpleNamespace(name="predict"),
        wildcards=Named(shard="000"),
        params=Named(**params),
        input=list(inputs),
        output=outputs,
        log=list(log),
        is_group=lambda: False,
    )


def make_group(*jobs: Any) -> Any:
    """Return a group of jobs, which has no rule."""
    return SimpleNamespace(name="group-1", jobid=2, jobs=list(jobs), is_group=lambda: True)


class PluginExecutor:
    """Does what the plugin's executor does, with answers that a test sets.

    Attributes:
        sbatch: called with a job; raises, or returns the message of a failure or None.
        poll: called with the active jobs; yields those that run on.
        reports: what was reported to Snakemake: (kind, SLURM's id, message).
    """

    def __init__(self, workflow: Any, logger: Any) -> None:
        self.logger = logger
        self.run_uuid = "samgap_" + "0" * 36
        self.slurm_logdir = SimpleNamespace()
        self.lock = threading.Lock()
        self.active_jobs: list[Any] = []
        self.reports: list[tuple[str, str | None, str | None]] = []
        self.next_seconds_between_status_checks = 40.0
        self.wait = True

    async def check_active_jobs(self, active_jobs):
        for info in self.poll(active_jobs):
            yield info

    def get_status_command(self) -> str:
        return "sacct"

    def run_job(self, job: Any) -> None:
        self._submit_one(job)

    def _submit_one(self, job: Any) -> None:
        if message := self.sbatch(job):
            self._report_job_error_threadsafe(SimpleNamespace(job=job, external_jobid=None, aux=None), message)
        else:
            self.report_job_submission(SimpleNamespace(job=job, external_jobid="7", aux={}))

    def run_array_jobs(self, jobs: list[Any]) -> None:
        for job in jobs:
            self._submit_one(job)

    def _report_job_error_threadsafe(self, job_info: Any, msg: str) -> None:
        self.report_job_error(job_info, msg=msg)

    def _report_job_submission_threadsafe(self, job_info: Any) -> None:
        self.report_job_submission(job_info)

    def report_job_submission(self, job_info: Any, register_job: bool = True) -> None:
        self.active_jobs.append(job_info)
        self.reports.append(("submitted", job_info.external_jobid, None))

    def report_job_success(self, job_info: Any) -> None:
        self.reports.append(("success", job_info.external_jobid, None))

    def report_job_error(self, job_info: Any, msg: str | None = None, **_: Any) -> None:
        self.reports.append(("error", job_info.external_jobid, msg))
