"""A file for each submitted job, by which a later run knows what jobs of a killed run write and whether they finished.

`<id>.json` has the outputs of a job and a digest of what they depend on; the run that submitted it removes the file
when the job has ended. `<id>.finished` is written by the job itself: the outputs that are complete. Snakemake would
otherwise call them complete without knowing the parameters that made them.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samgap.io.files import read_json_object, write_json

FOLDER = Path(".snakemake/slurm_jobs")
"""The folder of the records, relative to the working directory."""


@dataclass(frozen=True)
class SubmittedJob:
    """A submitted job.

    Attributes:
        id: SLURM's id.
        run: name of the run that submitted it, which is the name of its jobs in SLURM.
        outputs: paths of its output files.
        digest: hash of what they depend on, from `hash_job`.
    """

    id: str
    run: str
    outputs: tuple[str, ...]
    digest: str


def list_single_jobs(job: Any) -> list[Any]:
    """Return the jobs of a group of Snakemake, or the job itself in a list."""
    return sorted(job.jobs, key=lambda member: str(member.output)) if job.is_group() else [job]


def list_outputs(job: Any) -> tuple[str, ...]:
    """Return the paths of the output files of a job of Snakemake or a group."""
    return tuple(str(path) for member in list_single_jobs(job) for path in member.output)


def hash_job(job: Any) -> str:
    """Return a hash of all that the outputs of a job of Snakemake depend on: rules, wildcards, parameters, input files.

    The parameters have the hash of the code. Input files count with their sizes and times.
    """
    descriptions = [
        {
            "rule": member.rule.name,
            "wildcards": dict(member.wildcards.items()),
            "output": [str(path) for path in member.output],
            "params": [[str(value) for value in member.params], _as_text(member.params)],
            "input": [[str(path), *_describe_file(Path(str(path)))] for path in member.input],
        }
        for member in list_single_jobs(job)
    ]
    return hashlib.sha256(json.dumps(descriptions, sort_keys=True).encode()).hexdigest()


def _as_text(params: Any) -> str:
    return json.dumps(dict(params.items()), sort_keys=True, default=str)


def _describe_file(path: Path) -> list[int]:
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def write_record(job_id: str, run: str, job: Any) -> None:
    """Record a job that has just been submitted."""
    write_json(_record_path(job_id), {"run": run, "outputs": list_outputs(job), "digest": hash_job(job)})


def remove_record(job_id: str) -> None:
    """Remove what is recorded of a job that has ended."""
    for path in (_record_path(job_id), _receipt_path(job_id)):
        with contextlib.suppress(OSError):  # another run has removed it, or it is another user's
            path.unlink()


def read_records() -> list[SubmittedJob]:
    """Return the recorded jobs of all runs in this folder."""
    return [
        SubmittedJob(path.stem, str(content["run"]), tuple(content["outputs"]), str(content["digest"]))
        for path in sorted(FOLDER.glob("*.json"))
        if {"run", "outputs", "digest"} <= (content := read_json_object(path)).keys()
    ]


def has_finished(job: SubmittedJob) -> bool:
    """Return whether a job has said that its outputs are complete, and all of them exist."""
    return is_finished(job.id, job.outputs)


def is_finished(job_id: str, outputs: Sequence[str]) -> bool:
    """Return whether the job of this id has said that `outputs` are complete, and all of them exist."""
    try:
        finished = set(_receipt_path(job_id).read_text(encoding="utf-8").splitlines())
    except OSError:
        return False
    return finished.issuperset(outputs) and all(Path(path).exists() for path in outputs)


def add_receipt(outputs: Iterable[str], environment: Mapping[str, str]) -> None:
    """Record, in a job of SLURM, that outputs are complete.

    Args:
        outputs: the paths of the files.
        environment: the environment variables of the job, which have its id.
    """
    path = _receipt_path(_read_job_id(environment))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(f"{output}\n" for output in outputs)


def keep_markers(persistence: Any, environment: Mapping[str, str]) -> None:
    """Let a job of SLURM write receipts in the place of removing Snakemake's marks of incomplete outputs.

    Snakemake removes these marks twice: in the job, and in the run when it records the parameters. If the run was
    killed, the first alone would make outputs of unknown parameters complete.

    Args:
        persistence: Snakemake's base class of persistence.
        environment: the environment variables of the job.
    """

    async def write_receipt(_: Any, job: Any) -> None:
        add_receipt(list_outputs(job), environment)

    persistence.finished = write_receipt


def _read_job_id(environment: Mapping[str, str]) -> str:
    if array := environment.get("SLURM_ARRAY_JOB_ID"):
        return f"{array}_{environment['SLURM_ARRAY_TASK_ID']}"
    return environment["SLURM_JOB_ID"]


def _record_path(job_id: str) -> Path:
    return FOLDER / f"{job_id}.json"


def _receipt_path(job_id: str) -> Path:
    return FOLDER / f"{job_id}.finished"
