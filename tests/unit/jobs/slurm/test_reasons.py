"""Why SLURM ended or refused a job, in a sentence for the user."""

import pytest

from samgap.jobs.slurm.commands import JobState
from samgap.jobs.slurm.reasons import explain_end, explain_refusal, is_outage, shorten

SBATCH = "SLURM sbatch failed. The error message was 'sbatch: error: {}'.\n    sbatch call:\n        sbatch --wrap=…\n"


@pytest.mark.parametrize(
    ("message", "has_remedy"),
    [
        ("The given account labb appears to be invalid. Available accounts:\nlab", "set slurm_account"),
        ("Invalid GPU model format: a b. Expected format: '<name>' (e.g., 'tesla')", "name the GPU as SLURM does"),
        ("The --gres option is not allowed in the 'slurm_extra' parameter.", "remove it from slurm_extra"),
        (SBATCH.format("invalid partition specified: labb"), "set slurm_partition"),
        (SBATCH.format("Batch job submission failed: Requested time limit is invalid"), "set runtime"),
        (SBATCH.format("Memory specification can not be satisfied"), "set mem_mb"),
        (
            SBATCH.format("Batch job submission failed: Invalid account or account/partition combination"),
            "slurm_account",
        ),
        (SBATCH.format("unrecognized option '--mail'"), "check slurm_extra"),
        (SBATCH.format("something new"), "see the profile"),
    ],
)
def test_a_refusal_is_one_line_with_what_to_change(message, has_remedy):
    line = explain_refusal(message)
    assert "\n" not in line and "sbatch call" not in line and "--wrap" not in line
    assert line.startswith("SLURM refused the job: ") and has_remedy in line and "profiles/slurm/config.yaml" in line
    assert not is_outage(message)


@pytest.mark.parametrize(
    "message",
    [
        "Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "Batch job submission failed: Socket timed out on send/recv operation",
        "Batch job submission failed: Zero Bytes were transmitted or received",
        "Slurm temporarily unable to accept job, sleeping and retrying",
    ],
)
def test_a_controller_that_does_not_answer_has_not_refused_the_job(message):
    assert is_outage(SBATCH.format(message))
    assert shorten(SBATCH.format(message)) == message


@pytest.mark.parametrize(
    ("state", "log", "line"),
    [
        (
            JobState("OUT_OF_MEMORY", "OutOfMemory", "0:125", "gpu1"),
            "",
            " on gpu1 ended with OUT_OF_MEMORY, exit code 0:125: it used more memory",
        ),
        (
            JobState("FAILED", "NonZeroExitCode", "1:0", "cpu1"),
            "slurmstepd: error: Exceeded job memory limit",
            " on cpu1 ended with OUT_OF_MEMORY, exit code 1:0: it used more memory",
        ),
        (
            JobState("FAILED", "NonZeroExitCode", "1:0", "cpu1"),
            "error: no such file",
            " on cpu1 ended with FAILED, exit code 1:0",
        ),
        (JobState("TIMEOUT", "TimeLimit", "0:15", "cpu1"), "", "TIMEOUT, exit code 0:15: it took longer than runtime"),
        (JobState("CANCELLED", "", "0:15", ""), "", " ended with CANCELLED, exit code 0:15: it was cancelled"),
        (
            JobState("NODE_FAIL", "NodeDown", "1:0", "gpu2"),
            "",
            "NODE_FAIL, exit code 1:0: its node failed; SLURM's reason: NodeDown",
        ),
        (JobState(), "", "ended with unknown"),
    ],
)
def test_the_end_of_a_job_is_one_line(tmp_path, state, log, line):
    path = tmp_path / "7.log"
    path.write_text(log, encoding="utf-8")
    text = explain_end("7", state, path)
    assert text.startswith("SLURM job 7") and line in text
    assert "OUT_OF_MEMORY" not in explain_end("7", JobState("FAILED"), tmp_path / "missing.log")
