"""SLURM's commands: the state of jobs and why they ended, the jobs of a folder, and settings of the controller."""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

TIMEOUT_S = 60
"""Seconds after which a command counts as failed."""
LIVE_STATES = frozenset(
    [
        *("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "STAGE_OUT", "SIGNALING"),
        *("RESIZING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT", "PREEMPTED"),
    ]
)
"""States of a job that runs or may run again. A preempted job may be requeued."""
UNKNOWN_JOB = "Invalid job id specified"


class SlurmError(Exception):
    """A command of SLURM failed; the message is its first line of output."""


@dataclass(frozen=True)
class JobState:
    """The state of a job.

    Attributes:
        state: as SLURM names it, for example `RUNNING`; empty if SLURM does not know the job.
        reason: SLURM's reason of the state; empty if there is none.
        exit_code: exit code and signal, `0:9` for example; empty if unknown.
        node: the node or nodes; empty before the start.
    """

    state: str = ""
    reason: str = ""
    exit_code: str = ""
    node: str = ""

    @property
    def is_live(self) -> bool:
        """Whether the job runs or may run."""
        return self.state in LIVE_STATES


@dataclass(frozen=True)
class QueuedJob:
    """A job in the queue: its id (`12`, or `12_3` in an array), name, user, state, working directory and comment."""

    id: str
    name: str
    user: str
    state: str
    folder: str
    comment: str


def run_command(*command: str) -> str:
    """Run a command and return its output.

    Raises:
        SlurmError: it does not exist, failed, or took longer than `TIMEOUT_S`.
    """
    try:
        process = subprocess.run(command, encoding="utf-8", errors="replace", capture_output=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SlurmError(f"{command[0]}: {error}") from error
    if process.returncode != 0:
        lines = (process.stderr.strip() or process.stdout.strip() or f"exit code {process.returncode}").splitlines()
        raise SlurmError(f"{command[0]}: {lines[0]}")
    return process.stdout


def list_live_jobs() -> list[QueuedJob]:
    """Return all jobs of the queue that are live, of all users that the cluster shows.

    Raises:
        SlurmError: the controller did not answer.
    """
    output = run_command("squeue", "--noheader", "--array", "--states=all", "--format=%i|%j|%u|%T|%Z|%k")
    rows = [line.split("|", 5) for line in output.splitlines() if line.count("|") >= 5]
    jobs = [QueuedJob(*(field.strip() for field in row)) for row in rows]
    return [job for job in jobs if job.state in LIVE_STATES]


def read_state(job_id: str) -> JobState:
    """Return the state of a job: from the controller, or from accounting if the controller does not know it.

    Raises:
        SlurmError: the controller did not answer.
    """
    try:
        output = run_command("scontrol", "--oneliner", "show", "job", job_id)
    except SlurmError as error:
        if UNKNOWN_JOB not in str(error):
            raise
        return _read_accounted_state(job_id)
    fields = dict(re.findall(r"(?:^|\s)(JobState|Reason|ExitCode|NodeList)=(\S*)", output))
    known = {name: value for name, value in fields.items() if value not in ("None", "(null)")}
    return JobState(
        known.get("JobState", ""), known.get("Reason", ""), known.get("ExitCode", ""), known.get("NodeList", "")
    )


def _read_accounted_state(job_id: str) -> JobState:
    command = ["sacct", "-X", "--noheader", "--parsable2", "--format=State,Reason,ExitCode,NodeList", "--jobs", job_id]
    try:
        line = run_command(*command).partition("\n")[0]
    except SlurmError:  # the cluster has no accounting
        return JobState()
    fields = [field if field not in ("None", "None assigned") else "" for field in line.split("|")]
    if len(fields) != 4:
        return JobState()
    state, reason, exit_code, node = fields
    return JobState(state.split(" ")[0], reason, exit_code, node)  # "CANCELLED by 1000"


def read_min_job_age_s() -> int | None:
    """Return for how many seconds the controller remembers a finished job; None if it does not say so."""
    try:
        match = re.search(r"^MinJobAge\s*=\s*(\d+)", run_command("scontrol", "show", "config"), re.MULTILINE)
    except SlurmError:
        return None
    return int(match[1]) if match else None


def cancel_jobs(names: Iterable[str]) -> None:
    """Cancel all jobs with one of some names, of this user.

    Raises:
        SlurmError: they could not be cancelled.
    """
    run_command("scancel", "--name", ",".join(names))
