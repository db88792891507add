"""Faults of SLURM's controller: it is down at a poll, at a submission, and for long. No job is lost or made twice."""

import time

import pytest

from tests.helpers.fault_run import TARGETS

pytestmark = pytest.mark.cluster
OPTIONS = ["--profile", "slurm", *TARGETS]


def test_a_run_survives_an_outage_of_the_controller(cluster, fault_run, undisturbed_run):
    fault_run.set_pace(1)
    process = cluster.start_snakemake(*OPTIONS, cwd=fault_run.folder, output=fault_run.output)
    fault_run.wait_for(lambda: fault_run.count_images() > 2)
    cluster.stop_controller()
    time.sleep(20)
    cluster.start_controller()
    assert process.wait(200) == 0, fault_run.read_output()
    assert fault_run.read_tables() == undisturbed_run.read_tables()
    assert fault_run.count_images() == undisturbed_run.count_images(), "an image was predicted twice"


@pytest.mark.slow
def test_a_run_survives_an_outage_in_which_jobs_end_and_are_submitted(cluster, fault_run, undisturbed_run):
    process = cluster.start_snakemake(*OPTIONS, "--jobs", "1", cwd=fault_run.folder, output=fault_run.output)
    fault_run.wait_for(lambda: fault_run.count_images() > 0)
    cluster.stop_controller()
    time.sleep(90)  # the first job ends
    cluster.start_controller()
    assert process.wait(200) == 0, fault_run.read_output()
    assert "SLURM has not told the states of the jobs for 1 min" in fault_run.read_output()
    assert "SLURM answers again" in fault_run.read_output()
    assert fault_run.read_tables() == undisturbed_run.read_tables()


@pytest.mark.slow
def test_a_job_is_submitted_when_the_controller_answers_again(cluster, fault_run, undisturbed_run):
    cluster.stop_controller()
    process = cluster.start_snakemake(*OPTIONS, cwd=fault_run.folder, output=fault_run.output)
    fault_run.wait_for(lambda: "SLURM does not answer, and this run waits until it does" in fault_run.read_output())
    cluster.start_controller()
    assert process.wait(200) == 0, fault_run.read_output()
    assert fault_run.read_tables() == undisturbed_run.read_tables()
    assert fault_run.count_images() == undisturbed_run.count_images()
