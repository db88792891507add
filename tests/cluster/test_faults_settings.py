"""Settings that SLURM or its plugin refuses: the run ends with the reason and what to change. Signals end a run."""

import signal
import time

import pytest

from tests.helpers.fault_run import TARGETS

pytestmark = pytest.mark.cluster
OPTIONS = ["--profile", "slurm", *TARGETS]


@pytest.mark.parametrize(
    ("settings", "reason", "remedy"),
    [
        (
            ["--set-resources", "predict:slurm_partition=labb"],
            "invalid partition specified: labb",
            "set slurm_partition",
        ),
        (
            ["--set-resources", "predict:slurm_extra='--gres=gpu:1'"],
            "is not allowed in the 'slurm_extra' parameter",
            "remove it from",
        ),
        (
            ["--set-resources", "predict:gres=gpu:h100:1"],
            "Requested node configuration is not available",
            "compare gpu, gpu_model, gres",
        ),
    ],
)
def test_a_refused_setting_ends_the_run_with_its_reason(cluster, fault_run, settings, reason, remedy):
    run = cluster.snakemake(*OPTIONS, *settings, cwd=fault_run.folder, timeout=200)
    assert run.returncode == 1
    line = next(line for line in run.stdout.splitlines() if "SLURM refused the job" in line)
    assert reason in line and remedy in line and "profiles/slurm/config.yaml" in line
    assert "Traceback" not in run.stdout
    assert "SLURM refused the job" in fault_run.read_logs()


@pytest.mark.slow
def test_a_type_of_gpu_with_a_hyphen_is_accepted(cluster, fault_run):
    options = ["--set-resources", "predict:gpu_model=rtx-a6000", "predict:gpu=1", "predict:slurm_partition=gpu"]
    run = cluster.snakemake(*OPTIONS, *options, "--retries", "0", cwd=fault_run.folder, timeout=200)
    assert run.returncode == 1  # the cluster has none
    assert "Requested node configuration is not available" in run.stdout
    assert "Invalid GPU model format" not in run.stdout


def test_sigterm_cancels_the_jobs_and_ends_the_run(cluster, fault_run):
    fault_run.set_pace(30)
    process = cluster.start_snakemake(*OPTIONS, cwd=fault_run.folder, output=fault_run.output)
    fault_run.wait_for(lambda: "RUNNING" in cluster.run("squeue", "--noheader", "--format=%T"))
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 1, fault_run.read_output()
    assert time.monotonic() - start < 60
    fault_run.wait_for(lambda: not cluster.run("squeue", "--noheader").strip(), 60)
