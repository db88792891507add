"""Jobs of a killed run: taken over if they make the same outputs, else waited for."""

import logging
import threading

import pytest

from samgap.jobs.slurm import commands, earlier_jobs, records
from samgap.jobs.slurm.commands import JobState, QueuedJob, SlurmError
from samgap.jobs.slurm.earlier_jobs import EarlierJobs
from tests.helpers.slurm_fakes import make_job

RUN, OTHER = (f"samgap_{digit * 36}" for digit in "01")
RUNNING, FAILED, COMPLETED = JobState("RUNNING"), JobState("FAILED"), JobState("COMPLETED")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(earlier_jobs, "ASK_AGAIN_S", 0)
    monkeypatch.setattr(commands, "list_live_jobs", list)
    return tmp_path


@pytest.fixture
def states(monkeypatch):
    """The answers about the state of a job, in order; the last is repeated. An exception is raised."""
    answers = []

    def read_state(_):
        answer = answers[0] if len(answers) == 1 else answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(commands, "read_state", read_state)
    return answers


@pytest.fixture
def earlier():
    return EarlierJobs(logging.getLogger("test"), threading.Event())


def test_a_running_job_that_makes_the_same_is_taken_over(states, earlier):
    states.append(RUNNING)
    records.write_record("7", OTHER, make_job(["a"], code="1"))
    job = earlier.take_over(make_job(["a"], code="1"), RUN, "comment")
    assert job is not None and job.id == "7" and job.run == OTHER and set(earlier.taken_over) == {"7"}
    assert not earlier.has_finished("7")
    assert earlier.take_over(make_job(["b"], code="1"), RUN, "comment") is None


def test_a_job_that_has_finished_is_taken_over(folder, states, earlier):
    states.append(JobState())  # SLURM has forgotten it
    records.write_record("7", OTHER, make_job(["a"], code="1"))
    (folder / "a").touch()
    records.add_receipt(["a"], {"SLURM_JOB_ID": "7"})
    assert earlier.take_over(make_job(["a"], code="1"), RUN, "comment") is not None
    assert earlier.has_finished("7") and not earlier.has_finished(None)


def test_a_job_of_other_code_is_waited_for_and_not_taken_over(states, earlier, caplog):
    states += [RUNNING, RUNNING, RUNNING, COMPLETED]
    records.write_record("7", OTHER, make_job(["a"], code="1"))
    assert earlier.take_over(make_job(["a"], code="2"), RUN, "comment") is None
    assert states == [COMPLETED], "it was not waited for"
    assert f"SLURM job 7 of an earlier run ({OTHER}) still writes files that this run needs" in caplog.text
    assert "`scancel 7` ends it" in caplog.text and records.read_records() == []


@pytest.mark.parametrize("state", [FAILED, JobState(), COMPLETED])
def test_a_job_that_ended_without_finishing_is_made_again(states, earlier, state):
    states.append(state)
    records.write_record("7", OTHER, make_job(["a"], code="1"))
    assert earlier.take_over(make_job(["a"], code="1"), RUN, "comment") is None
    assert records.read_records() == []


def test_jobs_of_this_run_are_not_earlier_ones(states, earlier):
    states.append(RUNNING)
    records.write_record("7", RUN, make_job(["a"], code="1"))
    assert earlier.take_over(make_job(["a"], code="1"), RUN, "comment") is None


def test_a_running_job_without_a_record_is_waited_for(folder, monkeypatch, states, earlier, caplog):
    queued = [QueuedJob("8", OTHER, "ann", "RUNNING", str(folder), "comment")]
    others = [
        QueuedJob("9", OTHER, "ann", "RUNNING", "/elsewhere", "comment"),
        QueuedJob("10", "theirs", "ann", "RUNNING", str(folder), "comment"),
        QueuedJob("11", RUN, "ann", "RUNNING", str(folder), "comment"),
    ]
    monkeypatch.setattr(commands, "list_live_jobs", lambda: queued + others)
    states += [RUNNING, RUNNING, COMPLETED]
    assert earlier.take_over(make_job(["a"]), RUN, "comment") is None
    assert states == [COMPLETED]
    assert "SLURM job 8 of an earlier run" in caplog.text and caplog.text.count("SLURM job ") == 1


def test_a_controller_that_does_not_answer_is_asked_again(states, earlier, caplog):
    states += [SlurmError("scontrol: no answer"), SlurmError("scontrol: no answer"), RUNNING]
    records.write_record("7", OTHER, make_job(["a"], code="1"))
    assert earlier.take_over(make_job(["a"], code="1"), RUN, "comment") is not None
    assert caplog.text.count("SLURM does not answer, and this run waits until it does: scontrol: no answer") == 1


def test_the_end_of_the_run_ends_the_waiting(states, earlier):
    states.append(RUNNING)
    records.write_record("7", OTHER, make_job(["a"], code="1"))
    timer = threading.Timer(0.3, earlier.has_ended.set)
    timer.start()
    assert earlier.take_over(make_job(["a"], code="2"), RUN, "comment") is None
