"""The whole workflow, small, as jobs of a real SLURM: `snakemake --profile slurm` from the root of a checkout."""

import itertools
from pathlib import Path

import pytest

from tests.helpers.workflow_copy import copy_workflow

pytestmark = pytest.mark.cluster
PROFILE_LINK = Path(__file__).parents[2] / "slurm"
CONFIG = ["--configfile", str(Path(__file__).with_name("small.yaml"))]
# Each job starts Snakemake twice. Therefore all short rules are grouped into a first and a last job; the jobs of
# `predict` stay separate. A failed job is not retried.
GROUPS = {
    "data": ("checkpoint", "dataset", "prompts"),
    "paper": (
        *("match_predictions", "choose_threshold", "estimate", "compare", "correlate", "claims"),
        *("figure", "table", "paper_page", "manifest"),
    ),
}
FAST_OPTIONS = ["--retries", "0", "--cores", "4", "--group-components", "data=4", "--groups"]
FAST_OPTIONS += [f"{rule}={group}" for group, rules in GROUPS.items() for rule in rules]

# The GPUs of the test's nodes are simulated. With `device: auto`, a job that SLURM gave a GPU which torch cannot use
# stops, so these variables are hidden from the jobs.
HIDE_GPUS = """import os

for name in ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_GPUS_ON_NODE"):
    os.environ.pop(name, None)
os.environ["CUDA_VISIBLE_DEVICES"] = ""
"""


@pytest.fixture(scope="module")
def predicted_run(cluster, tmp_path_factory):
    """The folder of a run up to the predictions, in a copy of the workflow. (No set-up takes more than a minute.)"""
    folder = copy_workflow(tmp_path_factory.mktemp("workflow").resolve() / "samgap")
    (folder / "slurm").symlink_to(PROFILE_LINK.readlink())
    snakefile = folder / "Snakefile"
    snakefile.write_text(HIDE_GPUS + snakefile.read_text(encoding="utf-8"), encoding="utf-8")
    run = cluster.snakemake("--until", "predict", "--profile", "slurm", *CONFIG, *FAST_OPTIONS, cwd=folder)
    assert run.returncode == 0, run.stdout
    return folder


@pytest.fixture(scope="module")
def finished_run(predicted_run, cluster):
    """The folder of the run, finished, and its jobs."""
    run = cluster.snakemake("--profile", "slurm", *CONFIG, *FAST_OPTIONS, cwd=predicted_run)
    assert run.returncode == 0, run.stdout
    return predicted_run, cluster.list_jobs(predicted_run)


def test_gpu_jobs_do_not_wait_for_each_other(predicted_run, cluster):
    jobs = cluster.list_jobs(predicted_run)
    times = sorted((job["StartTime"], job["EndTime"]) for job in jobs if job.get("TresPerJob") == "gres:gpu:1")
    assert any(start < end for (_, end), (start, _) in itertools.pairwise(times))


def test_all_figures_and_tables_are_written(finished_run):
    folder, _ = finished_run
    paper = folder / "results" / "cluster" / "paper"
    assert all((paper / "figures" / f"estimates.{form}").stat().st_size for form in ("pdf", "svg", "png", "csv"))
    assert all((paper / "tables" / f"results.{form}").stat().st_size for form in ("csv", "md", "tex"))
    assert (folder / "results" / "cluster" / "manifest.json").stat().st_size
    assert "skipped" not in (paper / "tables" / "results.md").read_text(encoding="utf-8")


def test_networks_predict_on_gpu_nodes_and_other_jobs_run_on_the_cpu_node(finished_run):
    _, jobs = finished_run
    nodes_by_network: dict[bool, set[str]] = {True: set(), False: set()}
    n_gpu_jobs = 0
    for job in jobs:
        is_network = job["Comment"].startswith("rule_predict_") and "_filled-box_" not in job["Comment"]
        n_gpu_jobs += is_network
        nodes_by_network[is_network].add(job["NodeList"])
        assert job["JobState"] == "COMPLETED", job
        assert job.get("TresPerJob") == ("gres:gpu:1" if is_network else None), job
    assert n_gpu_jobs == 2  # a network with two prompt sets
    assert nodes_by_network[True] <= {"gpu1", "gpu2"}
    assert nodes_by_network[False] == {"cpu1"}


def test_a_second_run_finds_nothing_to_do(finished_run, cluster):
    folder, jobs = finished_run
    second_run = cluster.snakemake("--profile", "slurm", *CONFIG, *FAST_OPTIONS, cwd=folder)
    assert second_run.returncode == 0, second_run.stdout
    assert "Nothing to be done" in second_run.stdout
    assert len(cluster.list_jobs(folder)) == len(jobs)
