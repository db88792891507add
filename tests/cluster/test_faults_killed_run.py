"""Snakemake killed while its jobs run: the next run takes them over or waits for them, and no shard has two writers."""

import signal

import pytest

from tests.helpers.fault_run import TARGETS

pytestmark = pytest.mark.cluster
OPTIONS = ["--profile", "slurm", *TARGETS]


def kill_run(cluster, run, n_images: int, pace: float = 2) -> None:
    """Start a run and kill it after some images; its jobs go on."""
    run.set_pace(pace)
    process = cluster.start_snakemake(*OPTIONS, cwd=run.folder, output=run.output)
    run.wait_for(lambda: run.count_images() >= n_images)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(cluster.run("squeue", "--noheader").splitlines()) == 2
    assert cluster.snakemake("--unlock", *OPTIONS, cwd=run.folder).returncode == 0


def test_running_jobs_are_taken_over(cluster, fault_run, undisturbed_run):
    kill_run(cluster, fault_run, 2)
    second = cluster.snakemake(*OPTIONS, cwd=fault_run.folder)
    assert second.returncode == 0, second.stdout
    assert second.stdout.count("taken over") == 2
    assert len(cluster.list_jobs(fault_run.folder)) == 2, "a job was submitted twice"
    assert fault_run.read_tables() == undisturbed_run.read_tables()
    assert fault_run.count_images() == undisturbed_run.count_images()
    # A receipt may follow, as the job says twice that it finished; without its record it is not read.
    assert not list(fault_run.folder.glob(".snakemake/slurm_jobs/*.json"))


@pytest.mark.slow
def test_jobs_that_ended_after_the_run_are_not_repeated(cluster, fault_run, undisturbed_run):
    kill_run(cluster, fault_run, 2)
    fault_run.wait_for(lambda: not cluster.run("squeue", "--noheader").strip())
    second = cluster.snakemake(*OPTIONS, cwd=fault_run.folder)
    assert second.returncode == 0, second.stdout
    assert len(cluster.list_jobs(fault_run.folder)) == 2, "a finished job was submitted again"
    assert fault_run.read_tables() == undisturbed_run.read_tables()
    assert fault_run.count_images() == undisturbed_run.count_images()
    third = cluster.snakemake(*OPTIONS, cwd=fault_run.folder)
    assert third.returncode == 0, third.stdout
    assert len(cluster.list_jobs(fault_run.folder)) == 2


@pytest.mark.slow
def test_jobs_with_other_parameters_are_waited_for_and_made_again(cluster, fault_run, undisturbed_run):
    kill_run(cluster, fault_run, 2, pace=20)
    family = fault_run.folder / "src/samgap/models/slow.py"
    family.write_text(family.read_text(encoding="utf-8") + "\nOTHER_CODE = 1\n", encoding="utf-8")
    process = cluster.start_snakemake(*OPTIONS, cwd=fault_run.folder, output=fault_run.output)
    fault_run.wait_for(lambda: fault_run.read_output().count("from other inputs, code or parameters") == 2)
    fault_run.set_pace(0)
    assert process.wait(200) == 0, fault_run.read_output()
    assert len(cluster.list_jobs(fault_run.folder)) == 4
    assert fault_run.read_tables() == undisturbed_run.read_tables()
    assert fault_run.count_images() == 2 * undisturbed_run.count_images()
