"""The guards of the executor, around an executor that fails as the plugin's does."""

import asyncio
import logging
import signal
from types import SimpleNamespace

import pytest

from samgap.jobs.slurm import commands, executor
from samgap.jobs.slurm.commands import JobState, QueuedJob, SlurmError
from samgap.jobs.slurm.install import make_guarded
from samgap.jobs.slurm.status_query import StatusQuery
from tests.helpers.slurm_fakes import PluginExecutor, make_group, make_job

OUTAGE = "SLURM sbatch failed. The error message was 'Unable to contact slurm controller'."


@pytest.fixture
def guarded(tmp_path, monkeypatch):
    """An executor with guards, in an empty folder, on a cluster without jobs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(executor, "SUBMIT_AGAIN_S", 0)
    monkeypatch.setattr(commands, "list_live_jobs", list)
    monkeypatch.setattr(commands, "read_state", lambda _: JobState("FAILED", "NonZeroExitCode", "1:0", "cpu1"))
    monkeypatch.setattr(commands, "read_min_job_age_s", lambda: 300)
    module = SimpleNamespace(SubmittedJobInfo=make_info, get_job_wildcards=lambda job: "000")
    instance = make_guarded(PluginExecutor, module, StatusQuery(None))(None, logging.getLogger("test"))
    instance.slurm_logdir = tmp_path
    instance.sbatch = lambda job: None
    return instance


def make_info(job, external_jobid=None, aux=None):
    return SimpleNamespace(job=job, external_jobid=external_jobid, aux=aux)


def poll(guarded, active_jobs) -> list[str]:
    async def collect():
        return [info.external_jobid async for info in guarded.check_active_jobs(active_jobs)]

    return asyncio.run(collect())


def test_jobs_that_a_poll_forgets_stay_active(guarded):
    jobs = [make_info(make_job(["a"]), name) for name in "78"]
    guarded.poll = lambda active: iter(())  # as the plugin does if each query fails
    assert poll(guarded, jobs) == ["7", "8"]
    guarded.poll = lambda active: iter(active[:1])
    assert poll(guarded, jobs) == ["7", "8"]


def test_a_poll_that_raises_keeps_all_jobs_and_warns(guarded, caplog):
    def fail(active):
        yield active[0]
        raise OSError("no more processes")

    guarded.poll = fail
    assert poll(guarded, [make_info(make_job(["a"]), name) for name in "789"]) == ["7", "8", "9"]
    assert "A poll of SLURM failed and is repeated: OSError: no more processes" in caplog.text


def test_jobs_that_have_ended_do_not_stay_active(guarded):
    def end(active):
        guarded.report_job_success(active[0])
        guarded.report_job_error(active[1], msg="from the plugin")
        yield active[2]

    guarded.poll = end
    assert poll(guarded, [make_info(make_job(["a"]), name) for name in "789"]) == ["9"]
    assert [report[:2] for report in guarded.reports] == [("success", "7"), ("error", "8")]


@pytest.mark.parametrize(("state", "kind"), [(JobState("RUNNING"), None), (JobState(), "error")])
def test_a_job_that_slurm_has_forgotten_ends(guarded, monkeypatch, state, kind):
    monkeypatch.setattr(executor, "VANISHED_S", -1)
    monkeypatch.setattr(commands, "read_state", lambda _: state)
    guarded.poll = iter
    guarded.query.states = {"8": "RUNNING"}
    jobs = [make_info(make_job(["a"]), name) for name in "78"]
    assert poll(guarded, jobs) == (["8"] if kind else ["7", "8"])
    assert [report[:2] for report in guarded.reports] == ([(kind, "7")] if kind else [])


def test_finished_jobs_are_asked_for_before_the_controller_forgets_them(guarded):
    guarded.poll = iter
    guarded.next_seconds_between_status_checks = 180
    poll(guarded, [])
    assert guarded.next_seconds_between_status_checks == 180  # accounting remembers them
    guarded.query.sacct_fails = True
    poll(guarded, [])
    assert guarded.next_seconds_between_status_checks == 100


def test_the_reason_of_a_failure_is_in_the_message_and_in_the_log(guarded, tmp_path):
    job = make_job(["a"], log=("logs/predict.log",))
    guarded.report_job_error(make_info(job, "7", {"slurm_logfile": tmp_path / "7.log"}), msg="from the plugin")
    line = "SLURM job 7 on cpu1 ended with FAILED, exit code 1:0"
    assert guarded.reports == [("error", "7", f"{line}. ")]
    assert (tmp_path / "logs/predict.log").read_text(encoding="utf-8").endswith(f" ERROR {line}.\n")


def test_a_refused_job_is_reported_once_with_what_to_change(guarded, tmp_path):
    guarded.sbatch = lambda job: "The given account labb appears to be invalid."
    guarded.run_job(make_job(["a"], log=("predict.log",)))
    ((kind, job_id, message),) = guarded.reports
    assert (kind, job_id) == ("error", None) and "account labb" in message and "slurm_account" in message
    assert "account labb" in (tmp_path / "predict.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("is_group", [False, True])
def test_an_exception_of_a_submission_is_not_lost(guarded, is_group):
    def fail(job):
        try:
            raise ValueError("the cause")
        except ValueError:
            return job.rule.no_such_attribute  # as the plugin's handler does for a group

    guarded.sbatch = fail
    guarded.run_job(make_group(make_job(["a"])) if is_group else make_job(["a"]))
    assert [report[0] for report in guarded.reports] == ["error"] and "the cause" in guarded.reports[0][2]


def test_a_job_is_submitted_again_after_an_outage(guarded, caplog):
    answers = [OUTAGE, OUTAGE, None]
    guarded.sbatch = lambda job: answers.pop(0)
    guarded.run_job(make_job(["a"]))
    assert guarded.reports == [("submitted", "7", None)]
    assert caplog.text.count("SLURM does not answer, and this run waits until it does: Unable to contact") == 1


def test_a_job_that_slurm_took_before_the_connection_broke_is_not_submitted_again(guarded, monkeypatch):
    n_submissions = []
    guarded.sbatch = lambda job: n_submissions.append(job) or OUTAGE
    queued = QueuedJob("5", guarded.run_uuid, "ann", "RUNNING", "/work", "rule_predict_wildcards_000")
    monkeypatch.setattr(commands, "list_live_jobs", lambda: [queued] if n_submissions else [])
    guarded.run_job(make_job(["a"]))
    assert len(n_submissions) == 1 and guarded.reports == [("submitted", "5", None)]


def test_jobs_of_an_array_are_submitted_again_after_an_outage(guarded):
    answers = [OUTAGE, OUTAGE, None, None]
    guarded.sbatch = lambda job: answers.pop(0)
    guarded.run_array_jobs([make_job(["a"]), make_job(["b"])])
    assert [report[0] for report in guarded.reports] == ["submitted", "submitted"]


def test_nothing_is_submitted_after_the_end_of_the_run(guarded):
    guarded._has_ended.set()
    guarded.run_job(make_job(["a"]))
    assert guarded.reports == []


def test_sigterm_interrupts_a_run(guarded):
    before = signal.getsignal(signal.SIGTERM)
    PluginExecutor.run_jobs = lambda self, jobs: None
    try:
        guarded.run_jobs([])
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
        del PluginExecutor.run_jobs


def test_jobs_that_cannot_be_cancelled_are_named(guarded, monkeypatch, caplog):
    def fail(*_):
        raise SlurmError("scancel: no answer")

    monkeypatch.setattr(commands, "cancel_jobs", fail)
    PluginExecutor.cancel, PluginExecutor.cancel_jobs = lambda self: self.cancel_jobs([]), fail
    try:
        guarded.cancel()
    finally:
        del PluginExecutor.cancel, PluginExecutor.cancel_jobs
    assert guarded._has_ended.is_set()
    assert caplog.text.count(f"scancel --name={guarded.run_uuid}") == 2


def test_the_traceback_of_a_refusal_is_not_logged(guarded, caplog):
    def run_job():
        try:
            raise ValueError("the cause")
        except ValueError:
            guarded.logger.error("Exception in run_job", exc_info=True)

    run_job()
    assert caplog.text == ""
    guarded.logger.error("another")
    assert "another" in caplog.text
