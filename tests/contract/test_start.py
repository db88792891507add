"""What `snakemake` itself does with a configuration, before the first job."""

import itertools
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from samgap.config.plugins import list_paper_items

ROOT = Path(__file__).parents[2]
PARTS = ("rules", "scripts", "src", "config", "envs", "profiles", "report")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The workflow alone: no data, no weights, no environment."""
    for part in PARTS:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__", "*.pt"))
    shutil.copy(ROOT / "Snakefile", tmp_path)
    return tmp_path


def plan(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`snakemake -n` with neither a network nor a GPU in reach."""
    nowhere = "http://127.0.0.1:9"
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "http_proxy": nowhere, "https_proxy": nowhere}
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", *arguments],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a run stops with, beside those in which Snakemake names its profile and configuration."""
    assert done.returncode != 0
    own = re.compile(r"Using (workflow specific )?profile|Config file .* is extended")
    lines = [line for line in done.stdout.splitlines() if not own.match(line)]
    assert len(lines) == 1, done.stdout
    assert lines[0].startswith("error: config: ")
    return lines[0]


def counts(output: str) -> dict[str, int]:
    """{rule: number of jobs} of the plan's table."""
    return {name: int(number) for name, number in re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE)}


def test_the_papers_plan_needs_nothing_and_is_quick(checkout):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = plan(checkout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of the processor, not of the clock: that of a busy machine says nothing.
    taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert done.returncode == 0, done.stdout[-3000:]
    config = yaml.safe_load((checkout / "config" / "config.yaml").read_text())
    shards = config["datasets"]["minneapple-test"]["shards"]
    # Several experiments may tell of one cell.
    experiments = config["experiments"].values()
    cells = {cell for entry in experiments for cell in itertools.product(entry["models"], entry["prompts"])}
    jobs = counts(done.stdout)
    assert jobs["predict"] == jobs["match_predictions"] == len(cells) * shards
    named = {model for entry in config["experiments"].values() for model in entry["models"]}
    assert jobs["checkpoint"] == len(named)
    assert jobs["fetch_archive"] == len(config["archives"])
    assert jobs["figure"] == len(config["figures"])
    assert not (checkout / "resources").exists()
    assert not (checkout / "results").exists()
    assert taken <= 20


def test_the_demos_plan_has_at_most_60_jobs(checkout):
    done = plan(checkout, "--profile", "profiles/demo")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "results/demo/manifest.json" in done.stdout
    assert "results/paper/" not in done.stdout
    assert "fetch_archive" not in counts(done.stdout)
    assert counts(done.stdout)["total"] <= 60


def test_the_trainings_can_be_planned(checkout):
    done = plan(checkout, "pretrain_demo", "--configfile", "config/demo-models.yaml")
    assert done.returncode == 0, done.stdout[-3000:]
    config = yaml.safe_load((checkout / "config" / "demo-models.yaml").read_text())
    assert counts(done.stdout)["train"] == len(config["trainings"])


def test_an_unknown_key(checkout):
    (checkout / "mine.yaml").write_text((checkout / "config" / "demo.yaml").read_text() + "\nscore-treshold: 1\n")
    line = one_line(plan(checkout, "--configfile", "mine.yaml"))
    assert "unknown key 'score-treshold'" in line


def test_an_id_without_its_file(checkout):
    list_paper_items(checkout, "figures")["estimates"].unlink()
    line = one_line(plan(checkout))
    assert "'estimates'" in line
    assert "paper/figures/estimates.py" in line


def test_a_file_whose_id_the_configuration_does_not_name(checkout):
    file = list_paper_items(checkout, "tables")["results"]
    shutil.copy(file, file.with_name("by_size.py"))
    done = plan(checkout)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "by-size" not in done.stdout


def test_a_value_of_the_command_line(checkout):
    done = plan(checkout, "--configfile", "config/demo.yaml", "--config", "run=mine", "seed=7", "device=cpu")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "results/mine/manifest.json" in done.stdout
    assert "device is 'gpu'" in one_line(plan(checkout, "--config", "device=gpu"))
