"""A cluster with accounting: it is down while jobs run, and it knows jobs that the controller has forgotten."""

import pytest

from samgap.jobs.slurm.commands import read_state
from tests.helpers import slurm_accounting
from tests.helpers.fault_run import TARGETS
from tests.helpers.slurm_cluster import FOLDER

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
OPTIONS = ["--profile", "slurm", *TARGETS]


def test_a_run_survives_an_outage_of_the_accounting(accounted_cluster, fault_run, undisturbed_run):
    fault_run.set_pace(4)
    process = accounted_cluster.start_snakemake(*OPTIONS, cwd=fault_run.folder, output=fault_run.output)
    fault_run.wait_for(lambda: fault_run.count_images() > 1)
    slurm_accounting.stop_slurmdbd(FOLDER)
    assert process.wait(250) == 0, fault_run.read_output()
    assert fault_run.read_tables() == undisturbed_run.read_tables()
    assert fault_run.count_images() == undisturbed_run.count_images()
    slurm_accounting.start_slurmdbd(FOLDER, accounted_cluster.run)


def test_an_unknown_account_ends_the_run_with_its_reason(accounted_cluster, fault_run):
    options = ["--set-resources", "predict:slurm_account=labb"]
    run = accounted_cluster.snakemake(*OPTIONS, *options, cwd=fault_run.folder, timeout=200)
    assert run.returncode == 1
    line = next(line for line in run.stdout.splitlines() if "SLURM refused the job" in line)
    assert "labb" in line and "slurm_account" in line and "Traceback" not in run.stdout


def test_accounting_knows_the_jobs_that_the_controller_has_forgotten(accounted_cluster):
    job_id = accounted_cluster.run("sbatch", "--parsable", "--output=/dev/null", "--wait", "--wrap", "exit 0").strip()
    assert read_state(job_id).state == "COMPLETED"
    lines = accounted_cluster.run("sacct", "-X", "--noheader", "--parsable2", "--format=State", "--jobs", job_id)
    assert lines.split() == ["COMPLETED"]
