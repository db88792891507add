"""The whole workflow, small, as jobs of a real SLURM: `snakemake --profile slurm` from the root of a checkout."""

import itertools
import shutil
from pathlib import Path

import pytest

# The time to wait for the other file's cluster is in it.
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
WEIGHTS = [ROOT / "config" / "demo" / f"{model}.pt" for model in ("sam2-demo", "sam3-demo")]
CONFIG = ["--configfile", "tests/cluster/small.yaml"]
# Each job starts Snakemake twice, so all that is short goes together into a first and a last job; the shards of
# inference stay jobs of their own. Four cores at a time will do, and a failure shall not be tried again.
GROUPS = {
    "data": ("checkpoint", "dataset", "prompts"),
    "paper": ("match_predictions", "estimate", "compare", "figure", "table", "manifest"),
}
QUICK = ["--retries", "0", "--cores", "4", "--group-components", "data=4", "--groups"]
QUICK += [f"{rule}={group}" for group, rules in GROUPS.items() for rule in rules]


@pytest.fixture(scope="module")
def finished(request, tmp_path_factory):
    """The checkout in which the run is finished, and the run's jobs."""
    if missing := [path.name for path in WEIGHTS if not path.exists()]:
        pytest.skip(f"the demo's weights are not there: config/demo/{', '.join(missing)}")
    cluster = request.getfixturevalue("cluster")
    folder = tmp_path_factory.mktemp("workflow").resolve() / "samgap"
    # Links are kept: `slurm` in the root is one.
    shutil.copytree(ROOT, folder, symlinks=True, ignore=shutil.ignore_patterns(".*", "resources", "results", "logs"))
    run = cluster.snakemake("--profile", "slurm", *CONFIG, *QUICK, cwd=folder)
    assert run.returncode == 0, run.stdout
    return folder, cluster.jobs(folder)


def test_every_target_is_made(finished):
    folder, _ = finished
    paper = folder / "results" / "cluster" / "paper"
    for figure in ("prompt-or-concept", "estimates"):
        assert all((paper / "figures" / f"{figure}.{form}").stat().st_size for form in ("pdf", "svg", "png", "csv"))
    assert all((paper / "tables" / f"results.{form}").stat().st_size for form in ("csv", "md", "tex"))
    assert (folder / "results" / "cluster" / "manifest.json").stat().st_size
    assert "skipped" not in (paper / "tables" / "results.md").read_text()


def test_networks_predict_on_gpu_nodes_and_all_else_runs_on_the_cpu_node(finished):
    _, jobs = finished
    nodes: dict[bool, set[str]] = {True: set(), False: set()}
    gpu_jobs = 0
    for job in jobs:
        network = job["Comment"].startswith("rule_predict_") and "_filled-box_" not in job["Comment"]
        gpu_jobs += network
        nodes[network].add(job["NodeList"])
        assert job["JobState"] == "COMPLETED", job
        assert job.get("TresPerJob") == ("gres:gpu:1" if network else None), job
    assert gpu_jobs == 4  # two models, two shards
    assert nodes[True] <= {"gpu1", "gpu2"}
    assert nodes[False] == {"cpu1"}


def test_gpu_jobs_do_not_wait_for_each_other(finished):
    _, jobs = finished
    times = sorted((job["StartTime"], job["EndTime"]) for job in jobs if job.get("TresPerJob") == "gres:gpu:1")
    assert any(start < end for (_, end), (start, _) in itertools.pairwise(times))


def test_a_second_run_finds_nothing_to_do(finished, request):
    folder, jobs = finished
    cluster = request.getfixturevalue("cluster")
    again = cluster.snakemake("--profile", "slurm", *CONFIG, *QUICK, cwd=folder)
    assert again.returncode == 0, again.stdout
    assert "Nothing to be done" in again.stdout
    assert len(cluster.jobs(folder)) == len(jobs)
