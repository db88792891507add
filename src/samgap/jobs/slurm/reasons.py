"""Sentences for a user: why SLURM ended a job, why it refused one, and what to change."""

import re
from pathlib import Path

from samgap.jobs.slurm.commands import JobState

LOG_TAIL_BYTES = 20_000
"""The end of a job's SLURM log in which messages about its memory are searched."""
OUT_OF_MEMORY = re.compile(
    r"oom.?kill|out.of.memory handler|exceeded (?:job |step )?memory limit|memory limit \(", re.I
)
OUTAGES = re.compile(
    r"unable to contact slurm controller|socket timed out|connection (?:refused|reset|timed out)|zero bytes were "
    r"transmit|communication connection failure|slurm backup controller in standby|temporarily unable to accept job"
    r"|unexpected message received|job queue full|unable to establish controller|munge|resource temporarily",
    re.IGNORECASE,
)
"""Messages of sbatch from which it cannot be concluded that the job is invalid."""
PROFILE = "the profile (profiles/slurm/config.yaml, or your own)"
REMEDIES = (
    # message of SLURM or of the plugin, what to change
    (r"invalid account|account .* appears to be invalid", f"set slurm_account in {PROFILE}; `sshare -U` lists yours"),
    (
        r"invalid gpu model|gpu model format",
        f"name the GPU as SLURM does: set gpu_model in {PROFILE} to a type that `sinfo -o '%P %G'` lists",
    ),
    (r"not allowed in the 'slurm_extra'", f"remove it from slurm_extra in {PROFILE} and use the resource of that name"),
    (
        r"invalid partition|partition .*not (?:found|available)",
        f"set slurm_partition in {PROFILE}; `sinfo -s` lists them",
    ),
    (
        r"invalid (?:generic resource|gres)|requested node configuration is not available|invalid feature",
        f"no node of the partition has what the job requests: compare gpu, gpu_model, gres, mem_mb and threads in "
        f"{PROFILE} with `sinfo -o '%P %c %m %G'`",
    ),
    (r"time limit", f"the partition allows less: set runtime in {PROFILE}; `sinfo -o '%P %l'` lists the limits"),
    (
        r"memory specification",
        f"no node has this much memory: set mem_mb in {PROFILE}; `sinfo -o '%P %m'` lists the nodes",
    ),
    (r"invalid qos", "set the QoS of your account with slurm-qos; `sacctmgr show qos` lists them"),
    (r"unrecognized option|invalid option|unknown option", f"check slurm_extra in {PROFILE}"),
    (r"'sacctmgr' reported", f"the account cannot be checked without accounting: remove slurm_account from {PROFILE}"),
    (r"gres format|invalid gres", f"set gres to gpu:<number> or gpu:<type>:<number> in {PROFILE}"),
    (r"permission denied|access/permission", f"this user may not use that partition or account: see {PROFILE}"),
)
ENDS = {
    "OUT_OF_MEMORY": "it used more memory than mem_mb",
    "TIMEOUT": "it took longer than runtime",
    "DEADLINE": "it could not end before its deadline",
    "CANCELLED": "it was cancelled (scancel)",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not start",
    "PREEMPTED": "another job took its node",
}


def is_outage(message: str) -> bool:
    """Return whether sbatch failed because the controller did not answer, so that the job may be submitted again."""
    return bool(OUTAGES.search(message))


def explain_refusal(message: str) -> str:
    """Return one line about a job that was not submitted: the reason, and what to change if that is known.

    Args:
        message: what sbatch or the plugin said; `sbatch call` and what follows are left out.
    """
    text = shorten(message)
    remedies = (remedy for pattern, remedy in REMEDIES if re.search(pattern, text, re.IGNORECASE))
    return f"SLURM refused the job: {text}. To mend it: {next(remedies, f'see {PROFILE}')}. "


def shorten(message: str) -> str:
    """Return a message of sbatch or of the plugin on one line, without the command line."""
    text = " ".join(message.split("sbatch call:")[0].replace("sbatch: error: ", "").split())
    text = re.sub(r"^SLURM sbatch failed\. The error message was '(.*)'\.?$", r"\1", text)
    return re.sub(r"^Job submission failed with exception: ", "", text).rstrip(".")


def explain_end(job_id: str, state: JobState, slurm_log: Path | None) -> str:
    """Return one line on why a job ended that was not successful.

    SLURM calls a job FAILED whose process it killed because of its memory, unless the node has control groups. The
    evidence is then in the job's log.

    Args:
        job_id: SLURM's id.
        state: the state of the job.
        slurm_log: the file with the job's messages; None if there is none.
    """
    name = state.state or "unknown"
    if name in ("FAILED", "CANCELLED", "unknown") and slurm_log and OUT_OF_MEMORY.search(_read_tail(slurm_log)):
        name = "OUT_OF_MEMORY"
    place = f" on {state.node}" if state.node else ""
    reason = f"; SLURM's reason: {state.reason}" if state.reason not in ("", name, "NonZeroExitCode") else ""
    code = f", exit code {state.exit_code}" if state.exit_code not in ("", "0:0") else ""
    meaning = f": {ENDS[name]}" if name in ENDS else ""
    return f"SLURM job {job_id}{place} ended with {name}{code}{meaning}{reason}"


def _read_tail(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
            return stream.read().decode(errors="replace")
    except OSError:
        return ""
