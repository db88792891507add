"""The profile on a real SLURM: nodes and GPUs of jobs, and the retry of a killed job with more memory."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.cluster
PROFILE = Path(__file__).parents[2] / "profiles" / "slurm"

# Jobs write their node and visible GPUs. `large` uses 800 MB for longer than SLURM's sampling interval.
SNAKEFILE = """
WRITE_DEVICES = 'echo "$SLURMD_NODENAME ${{CUDA_VISIBLE_DEVICES-none}}" > {output}'


def memory(wildcards, attempt):
    return 900 * attempt


rule all:
    input: "no-resources.txt", "no-gpu.txt", "one-gpu.txt", "two-gpus.txt", "large.txt"

rule no_resources:
    output: "no-resources.txt"
    shell: WRITE_DEVICES

rule no_gpu:
    output: "no-gpu.txt"
    resources: mem_mb=600, runtime=5, gpu=0
    shell: WRITE_DEVICES

rule one_gpu:
    output: "one-gpu.txt"
    resources: mem_mb=600, runtime=5, gpu=1
    threads: 2
    shell: WRITE_DEVICES

rule two_gpus:
    output: "two-gpus.txt"
    resources: mem_mb=600, runtime=5, gpu=2, nodes=1
    shell: WRITE_DEVICES

rule large:
    output: "large.txt"
    resources: mem_mb=memory, runtime=5
    params: program="import time; data = b'x' * 800_000_000; time.sleep(5)"
    shell: 'python3 -c "{params.program}" && echo {resources.mem_mb} > {output}'
"""


@pytest.fixture(scope="module")
def finished_run(cluster, tmp_path_factory):
    """The folder of a finished run, and its jobs by rule, oldest first."""
    folder = tmp_path_factory.mktemp("basic").resolve()
    (folder / "Snakefile").write_text(SNAKEFILE, encoding="utf-8")
    # The guards of the workflow, which this file does not have, ask squeue where there is no accounting.
    run = cluster.snakemake("--profile", str(PROFILE), "--slurm-status-command", "squeue", cwd=folder)
    assert run.returncode == 0, run.stdout
    jobs: dict[str, list[dict[str, str]]] = {}
    for job in cluster.list_jobs(folder):
        jobs.setdefault(job["Comment"].removeprefix("rule_"), []).append(job)
    return folder, jobs


@pytest.mark.parametrize("rule", ["no-resources", "no-gpu"])
def test_a_job_without_gpu_runs_on_the_cpu_node(finished_run, rule):
    folder, jobs = finished_run
    assert (folder / f"{rule}.txt").read_text(encoding="utf-8").split() == ["cpu1", "none"]
    (job,) = jobs[rule.replace("-", "_")]
    assert "gpu" not in job.get("TresPerJob", "")


def test_gpu_jobs_run_on_gpu_nodes_with_the_requested_number_of_gpus(finished_run):
    folder, jobs = finished_run
    for rule, count in (("one-gpu", 1), ("two-gpus", 2)):
        node, devices = (folder / f"{rule}.txt").read_text(encoding="utf-8").split()
        assert node in ("gpu1", "gpu2")
        assert len(devices.split(",")) == count
        (job,) = jobs[rule.replace("-", "_")]
        assert (job["NodeList"], job["Partition"], job["TresPerJob"]) == (node, "gpu", f"gres:gpu:{count}")


def test_a_job_killed_for_its_memory_is_submitted_again_with_more(finished_run):
    folder, jobs = finished_run
    first, second = jobs["large"]
    assert first["JobState"] in ("FAILED", "OUT_OF_MEMORY", "CANCELLED")
    assert second["JobState"] == "COMPLETED"
    assert (first["MinMemoryNode"], second["MinMemoryNode"]) == ("900M", "1800M")
    assert (folder / "large.txt").read_text(encoding="utf-8").split() == ["1800"]


def test_jobs_of_a_run_share_a_name_by_which_they_can_be_cancelled(finished_run):
    _, jobs = finished_run
    (name,) = {job["JobName"] for same_rule in jobs.values() for job in same_rule}
    assert name.startswith("samgap_")
