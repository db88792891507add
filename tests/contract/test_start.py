"""The plan that `snakemake` makes from a configuration, before the first job."""

import itertools
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from samgap.config.plugins import list_paper_items

ROOT = Path(__file__).parents[2]
MAX_CPU_SECONDS = 20


def plan(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `snakemake --dry-run` with neither network nor GPU."""
    unreachable = "http://127.0.0.1:9"
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "http_proxy": unreachable, "https_proxy": unreachable}
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", *arguments],
        cwd=folder,
        env=environment,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
        check=False,
    )


def error_line(run: subprocess.CompletedProcess[str]) -> str:
    """Return the single line of a failed plan, without the lines in which Snakemake names profile and configuration."""
    assert run.returncode != 0
    snakemake_line = re.compile(r"Using (workflow specific )?profile|Config file .* is extended")
    lines = [line for line in run.stdout.splitlines() if not snakemake_line.match(line)]
    assert len(lines) == 1, run.stdout
    assert lines[0].startswith("error: config: ")
    return lines[0]


def job_counts(output: str) -> dict[str, int]:
    """Return rule -> number of jobs, from the table of a plan."""
    return {name: int(number) for name, number in re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE)}


def test_the_papers_run_is_planned_quickly_without_any_data(checkout):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = plan(checkout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # CPU time, as elapsed time depends on other processes.
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert run.returncode == 0, run.stdout[-3000:]
    config = yaml.safe_load((checkout / "config" / "config.yaml").read_text(encoding="utf-8"))
    # A set, as experiments may share cells.
    experiments = config["experiments"].values()
    sections = ("datasets", "models", "prompts")
    cells = {cell for entry in experiments for cell in itertools.product(*(entry[section] for section in sections))}
    jobs = job_counts(run.stdout)
    n_shards = sum(config["datasets"][dataset]["shards"] for dataset, _, _ in cells)
    # The models whose thresholds are chosen predict on the images of the choice, too.
    thresholds = config["thresholds"]
    n_shards += len(thresholds["models"]) * config["datasets"][thresholds["dataset"]]["shards"]
    assert jobs["predict"] == jobs["match_predictions"] == n_shards
    assert jobs["choose_threshold"] == len(thresholds["models"])
    assert jobs["checkpoint"] == len({model for entry in experiments for model in entry["models"]})
    paths = {config["datasets"][dataset].get("path", "") for dataset, _, _ in cells}
    assert jobs["fetch_archive"] == len(config["archives"]) + len([path for path in paths if "://" in path])
    assert jobs["figure"] == len(config["figures"])
    assert not (checkout / "resources").exists()
    assert not (checkout / "results").exists()
    assert cpu_seconds <= MAX_CPU_SECONDS


def test_the_demo_has_at_most_160_jobs(checkout):
    run = plan(checkout, "--profile", "profiles/demo")
    assert run.returncode == 0, run.stdout[-3000:]
    assert "results/demo/manifest.json" in run.stdout
    assert "results/paper/" not in run.stdout
    assert "fetch_archive" not in job_counts(run.stdout)
    assert job_counts(run.stdout)["total"] <= 160


def test_all_trainings_of_the_demo_models_are_planned(checkout):
    # The interactive head of SAM3 starts from SAM2's weights.
    shutil.copy(ROOT / "config" / "demo" / "sam2-demo.pt", checkout / "config" / "demo")
    run = plan(checkout, "pretrain_demo", "--configfile", "config/demo-models.yaml")
    assert run.returncode == 0, run.stdout[-3000:]
    config = yaml.safe_load((checkout / "config" / "demo-models.yaml").read_text(encoding="utf-8"))
    assert job_counts(run.stdout)["train"] == len(config["trainings"])


def test_only_networks_request_a_gpu(checkout):
    for device, has_gpu in (("cuda", True), ("cpu", False)):
        run = plan(checkout, "--profile", "profiles/demo", "--config", f"device={device}")
        jobs = re.findall(r"^rule predict:\n(?:    .+\n)+", run.stdout, re.MULTILINE)
        by_model = {re.search(r"model=([\w-]+)", job)[1]: "gpu=1" in job for job in jobs}
        assert by_model["sam2-demo"] == by_model["sam3-demo"] == has_gpu
        assert not by_model["ellipse"] and not by_model["filled-box"]


def test_an_unknown_key_is_an_error(checkout):
    demo = (checkout / "config" / "demo.yaml").read_text(encoding="utf-8")
    (checkout / "custom.yaml").write_text(demo + "\nscore-treshold: 1\n", encoding="utf-8")
    line = error_line(plan(checkout, "--configfile", "custom.yaml"))
    assert "unknown key 'score-treshold'" in line


def test_an_id_without_a_file_is_an_error(checkout):
    list_paper_items(checkout, "figures")["estimates"].unlink()
    line = error_line(plan(checkout))
    assert "'estimates'" in line
    assert "paper/figures/estimates.py" in line


def test_a_file_whose_id_the_configuration_does_not_name_is_ignored(checkout):
    file = list_paper_items(checkout, "tables")["results"]
    shutil.copy(file, file.with_name("by_size.py"))
    run = plan(checkout)
    assert run.returncode == 0, run.stdout[-3000:]
    assert "by-size" not in run.stdout


def test_values_of_the_command_line_replace_those_of_the_file(checkout):
    run = plan(checkout, "--configfile", "config/demo.yaml", "--config", "run=custom", "seed=7", "device=cpu")
    assert run.returncode == 0, run.stdout[-3000:]
    assert "results/custom/manifest.json" in run.stdout
    selected = plan(checkout, "--configfile", "config/demo.yaml", "--config", "models=filled-box,ellipse")
    assert selected.returncode == 0, selected.stdout[-3000:]
    models = set(
        re.findall(r"^rule predict:\n(?:    .+\n)*?    output: .*/model=([\w-]+)/", selected.stdout, re.MULTILINE)
    )
    assert models == {"filled-box", "ellipse"}
    assert "device is 'gpu'" in error_line(plan(checkout, "--config", "device=gpu"))
