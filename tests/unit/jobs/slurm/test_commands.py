"""SLURM's commands, with programs that answer in their place."""

import os

import pytest

from samgap.jobs.slurm import commands
from samgap.jobs.slurm.commands import JobState, SlurmError

SHOWN = (
    "JobId=7 JobName=samgap_x UserId=root(0) JobState=RUNNING Reason=None Dependency=(null) Requeue=1 ExitCode=0:0 "
    "DerivedExitCode=0:0 RunTime=00:00:01 ReqNodeList=(null) ExcNodeList=(null) NodeList=gpu1 BatchHost=gpu1"
)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A function that writes a program which prints a text, to stderr if it fails."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    def write(name: str, output: str, code: int = 0) -> None:
        text = f"#!/bin/sh\ncat >&{2 if code else 1} <<'END'\n{output}\nEND\nexit {code}\n"
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)

    return write


def test_the_controller_tells_the_state_of_a_job(programs):
    programs("scontrol", SHOWN)
    assert commands.read_state("7") == JobState("RUNNING", "", "0:0", "gpu1")
    assert commands.read_state("7").is_live


def test_accounting_tells_the_state_of_a_job_that_the_controller_has_forgotten(programs):
    programs("scontrol", "slurm_load_jobs error: Invalid job id specified", 1)
    programs("sacct", "CANCELLED by 0|None|0:15|gpu1")
    assert commands.read_state("7") == JobState("CANCELLED", "", "0:15", "gpu1")
    programs("sacct", "Slurm accounting storage is disabled", 1)
    assert commands.read_state("7") == JobState()


def test_an_outage_is_no_state(programs):
    programs("scontrol", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)", 1)
    with pytest.raises(SlurmError, match=r"^scontrol: slurm_load_jobs error: Unable to contact"):
        commands.read_state("7")


def test_live_jobs_are_listed(programs):
    programs(
        "squeue",
        "7|samgap_x|root|RUNNING|/home/a|rule_predict_wildcards_a|b\n8_1|other|ann|PENDING|/home/b|\n9|z|ann|COMPLETED|/c|",
    )
    jobs = commands.list_live_jobs()
    assert [(job.id, job.user, job.folder) for job in jobs] == [("7", "root", "/home/a"), ("8_1", "ann", "/home/b")]
    assert jobs[0].comment == "rule_predict_wildcards_a|b"


def test_the_controllers_memory_of_jobs_is_read(programs):
    programs("scontrol", "MessageTimeout          = 10 sec\nMinJobAge               = 300 sec")
    assert commands.read_min_job_age_s() == 300
    programs("scontrol", "no answer", 1)
    assert commands.read_min_job_age_s() is None


def test_a_program_that_is_missing_or_slow_is_an_error(monkeypatch, programs):
    with pytest.raises(SlurmError, match="^no-such-program: "):
        commands.run_command("no-such-program")
    monkeypatch.setattr(commands, "TIMEOUT_S", 0.2)
    with pytest.raises(SlurmError, match="^sleep: .*timed out"):
        commands.run_command("sleep", "5")
