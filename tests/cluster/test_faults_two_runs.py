"""Two runs at once in one checkout: the second is refused, or shares the jobs of the first."""

import pytest

from tests.helpers.fault_run import TARGETS

pytestmark = pytest.mark.cluster
OPTIONS = ["--profile", "slurm", *TARGETS]


def test_a_second_run_is_refused_or_shares_the_jobs_of_the_first(cluster, fault_run, undisturbed_run):
    fault_run.set_pace(5)
    first = cluster.start_snakemake(*OPTIONS, cwd=fault_run.folder, output=fault_run.output)
    fault_run.wait_for(lambda: fault_run.count_images() > 0)
    refused = cluster.snakemake(*OPTIONS, cwd=fault_run.folder)
    assert refused.returncode == 1 and "cannot be locked" in refused.stdout
    second_output = fault_run.folder / "second.txt"
    second = cluster.start_snakemake(*OPTIONS, "--nolock", cwd=fault_run.folder, output=second_output)
    fault_run.wait_for(lambda: "taken over" in second_output.read_text(encoding="utf-8") or second.poll() is not None)
    fault_run.set_pace(0)
    assert first.wait(200) == 0, fault_run.read_output()
    assert second.wait(200) == 0, second_output.read_text(encoding="utf-8")
    assert len(cluster.list_jobs(fault_run.folder)) == 2
    assert fault_run.read_tables() == undisturbed_run.read_tables()
    assert fault_run.count_images() == undisturbed_run.count_images()
