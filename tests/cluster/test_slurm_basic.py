"""The profile on a real SLURM: where jobs run, which GPUs they see, and that a killed job is tried again with more."""

from pathlib import Path

import pytest

# The time to wait for the other file's cluster is in it.
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
PROFILE = Path(__file__).parents[2] / "profiles" / "slurm"

# A job says where it runs and which GPUs it sees. `hungry` holds 800 MB for longer than SLURM takes to look at it.
SNAKEFILE = """
SEEN = 'echo "$SLURMD_NODENAME ${{CUDA_VISIBLE_DEVICES-none}}" > {output}'


def memory(wildcards, attempt):
    return 900 * attempt


rule all:
    input: "asks-nothing.txt", "no-gpu.txt", "one-gpu.txt", "two-gpus.txt", "hungry.txt"

rule asks_nothing:
    output: "asks-nothing.txt"
    shell: SEEN

rule no_gpu:
    output: "no-gpu.txt"
    resources: mem_mb=600, runtime=5, gpu=0
    shell: SEEN

rule one_gpu:
    output: "one-gpu.txt"
    resources: mem_mb=600, runtime=5, gpu=1
    threads: 2
    shell: SEEN

rule two_gpus:
    output: "two-gpus.txt"
    resources: mem_mb=600, runtime=5, gpu=2, nodes=1
    shell: SEEN

rule hungry:
    output: "hungry.txt"
    resources: mem_mb=memory, runtime=5
    params: program="import time; held = b'x' * 800_000_000; time.sleep(5)"
    shell: 'python3 -c "{params.program}" && echo {resources.mem_mb} > {output}'
"""


@pytest.fixture(scope="module")
def finished(cluster, tmp_path_factory):
    """The folder of the finished run, and its jobs by rule, oldest first."""
    folder = tmp_path_factory.mktemp("basic").resolve()
    (folder / "Snakefile").write_text(SNAKEFILE)
    run = cluster.snakemake("--profile", str(PROFILE), cwd=folder)
    assert run.returncode == 0, run.stdout
    jobs: dict[str, list[dict[str, str]]] = {}
    for job in cluster.jobs(folder):
        jobs.setdefault(job["Comment"].removeprefix("rule_"), []).append(job)
    return folder, jobs


@pytest.mark.parametrize("rule", ["asks-nothing", "no-gpu"])
def test_a_job_without_gpu_runs_on_the_cpu_node_and_sees_none(finished, rule):
    folder, jobs = finished
    assert (folder / f"{rule}.txt").read_text().split() == ["cpu1", "none"]
    (job,) = jobs[rule.replace("-", "_")]
    assert "gpu" not in job.get("TresPerJob", "")


def test_gpu_jobs_run_on_gpu_nodes_and_see_as_many_as_they_asked_for(finished):
    folder, jobs = finished
    for rule, count in (("one-gpu", 1), ("two-gpus", 2)):
        node, devices = (folder / f"{rule}.txt").read_text().split()
        assert node in ("gpu1", "gpu2")
        assert len(devices.split(",")) == count
        (job,) = jobs[rule.replace("-", "_")]
        assert (job["NodeList"], job["Partition"], job["TresPerJob"]) == (node, "gpu", f"gres:gpu:{count}")


def test_a_job_killed_for_its_memory_is_asked_for_again_with_more(finished):
    folder, jobs = finished
    first, second = jobs["hungry"]
    assert first["JobState"] in ("FAILED", "OUT_OF_MEMORY", "CANCELLED")
    assert second["JobState"] == "COMPLETED"
    assert (first["MinMemoryNode"], second["MinMemoryNode"]) == ("900M", "1800M")
    assert (folder / "hungry.txt").read_text().split() == ["1800"]


def test_jobs_bear_the_name_by_which_a_killed_run_is_cancelled(finished):
    _, jobs = finished
    (name,) = {job["JobName"] for same_rule in jobs.values() for job in same_rule}
    assert name.startswith("samgap_")
