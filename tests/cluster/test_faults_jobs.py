"""Jobs that SLURM kills are tried again; their logs keep all attempts and the reason, and the tables are the same."""

import pytest

from tests.helpers.fault_run import TARGETS

pytestmark = pytest.mark.cluster
OPTIONS = ["--profile", "slurm", *TARGETS, "--set-resources"]


def list_running(cluster, field: str) -> list[str]:
    return cluster.run("squeue", "--noheader", "--states=RUNNING", f"--format={field}").split()


def test_a_job_that_exceeds_its_memory_is_tried_again_with_more(cluster, fault_run, undisturbed_run):
    (fault_run.faults / "memory").touch()
    run = cluster.snakemake(*OPTIONS, "predict:mem_mb=900 * attempt", cwd=fault_run.folder)
    assert run.returncode == 0, run.stdout
    assert "OUT_OF_MEMORY" in run.stdout and "it used more memory than mem_mb" in run.stdout
    (log,) = [log for log in fault_run.read_logs().split("=== attempt 1")[1:] if "OUT_OF_MEMORY" in log]
    assert "=== attempt 2" in log and log.index("OUT_OF_MEMORY") < log.index("=== attempt 2")
    assert fault_run.read_tables() == undisturbed_run.read_tables()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_shard_that_takes_longer_than_its_time_goes_on_in_the_next_attempt(cluster, fault_run, undisturbed_run):
    fault_run.set_pace(25)
    process = cluster.start_snakemake(
        *OPTIONS, "predict:runtime=2 * attempt", cwd=fault_run.folder, output=fault_run.output
    )
    fault_run.wait_for(lambda: fault_run.read_logs().count("ended with TIMEOUT") == 2, 400)
    fault_run.set_pace(0)
    n_images = fault_run.count_images()
    assert process.wait(120) == 0, fault_run.read_output()
    assert "it took longer than runtime" in fault_run.read_logs()
    assert fault_run.read_tables() == undisturbed_run.read_tables()
    # At most the image of each shard that was being predicted, and the one before it, are predicted again.
    assert n_images >= 2 and fault_run.count_images() <= undisturbed_run.count_images() + 4


@pytest.mark.slow
def test_a_cancelled_job_is_tried_again(cluster, fault_run, undisturbed_run):
    fault_run.set_pace(3)
    process = cluster.start_snakemake(*OPTIONS[:-1], cwd=fault_run.folder, output=fault_run.output)
    fault_run.wait_for(lambda: fault_run.count_images() > 1)
    cluster.run("scancel", list_running(cluster, "%i")[0])
    fault_run.wait_for(lambda: "CANCELLED" in fault_run.read_logs())
    fault_run.set_pace(0)
    assert process.wait(200) == 0, fault_run.read_output()
    assert "it was cancelled (scancel)" in fault_run.read_logs()
    assert fault_run.read_tables() == undisturbed_run.read_tables()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_jobs_of_a_node_that_fails_run_on_another_one(cluster, fault_run, undisturbed_run):
    fault_run.set_pace(10)
    options = ["predict:slurm_partition=gpu", "predict:threads=2"]
    process = cluster.start_snakemake(*OPTIONS, *options, cwd=fault_run.folder, output=fault_run.output)
    fault_run.wait_for(lambda: fault_run.count_images() > 1)
    node = list_running(cluster, "%N")[0]
    cluster.stop_node(node)
    fault_run.set_pace(0)
    try:
        assert process.wait(500) == 0, fault_run.read_output()
    finally:
        cluster.start_node(node)
    assert fault_run.read_tables() == undisturbed_run.read_tables()
