"""The manifest lists the inputs and outputs of a run."""

import json
import subprocess

import pandas as pd
import pytest

from samgap.io.files import sha256, write_json
from samgap.jobs import manifest
from samgap.tables.matching import PAIRS
from samgap.tables.predictions import TIMING
from samgap.tables.prompts import PROMPTS
from samgap.tables.statistics import ESTIMATES
from samgap.tables.training import HISTORY

CONFIG = {
    "run": "test",
    "datasets": {"orchard": {"shards": 1}, "unused": {"shards": 1}},
    "models": {"sam2": {"weights": {"training": "current"}}, "sam3": {}, "removed": {}},
    "prompts": {"box": {}, "concepts": {}},
    "experiments": {
        "spatial": {"datasets": ["orchard"], "models": ["sam2"], "prompts": ["box"], "metrics": ["iou"]},
        "concept": {"datasets": ["orchard"], "models": ["sam3"], "prompts": ["concepts"], "metrics": ["iou"]},
    },
}
ESTIMATE = dict(zip(("experiment", "dataset", "model", "prompts"), ("spatial", "orchard", "sam2", "box"), strict=True))


def make_pairs_path(model, prompts, shard="000"):
    return f"results/test/matching/dataset=orchard/model={model}/prompts={prompts}/shard={shard}/pairs.parquet"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A finished run below the working directory; returns the arguments of `build_manifest`."""
    monkeypatch.chdir(tmp_path)
    current = [make_pairs_path("sam2", "box"), make_pairs_path("sam3", "concepts")]
    stale = [make_pairs_path("removed", "box"), make_pairs_path("sam3", "box"), make_pairs_path("sam2", "box", "001")]
    for path in current + stale:
        PAIRS.write(path, [])
    for prompts in ("box", "other"):
        PROMPTS.write(f"results/test/prompts/dataset=orchard/prompts={prompts}/prompts.parquet", [])
    cell = "dataset=orchard/model=sam2/prompts=box/shard=000"
    TIMING.write(f"results/test/predictions/{cell}/timing.parquet", [])
    for training in ("current", "other"):
        HISTORY.write(f"results/test/training/{training}/history.parquet", [])
    estimates = "results/test/statistics/estimates.parquet"
    values = {"metric": "iou", "stratum": "all", "value": 0.5, "ci_low": 0.4, "ci_high": 0.6, "note": None}
    row = {**ESTIMATE, **values, "n_images": 1, "n_instances": 1, "clusters": "image", "n_clusters": 1, "warning": None}
    row |= {"n_images_total": 1, "n_clusters_total": 1}
    other_row = {**row, "model": "sam3", "prompts": "concepts"}
    ESTIMATES.write(estimates, [row, other_row], {"inputs": {path: sha256(path) for path in current}})
    write_json("resources/datasets/orchard/dataset.json", {"images": 3})
    write_json("resources/checkpoints/sam2/checkpoint.json", {"status": "available"})
    csv, png = "results/test/paper/tables/a.csv", "results/test/paper/figures/b.png"
    for path in (csv, png):
        (tmp_path / path).parent.mkdir(parents=True)
    pd.DataFrame([row]).to_csv(csv, index=False)
    (tmp_path / png).write_bytes(b"picture")
    return {
        "config": CONFIG,
        "estimates_path": estimates,
        "dataset_cards": ["resources/datasets/orchard/dataset.json"],
        "checkpoint_cards": ["resources/checkpoints/sam2/checkpoint.json"],
        "paper_files": [png, csv],
    }


def test_the_manifest_lists_the_files_of_the_run_and_no_others(run):
    content = manifest.build_manifest(**run)
    assert list(content["tables"]) == [
        make_pairs_path("sam2", "box"),
        make_pairs_path("sam3", "concepts"),
        "results/test/prompts/dataset=orchard/prompts=box/prompts.parquet",
        "results/test/statistics/estimates.parquet",
        "results/test/training/current/history.parquet",
    ]
    for section in ("tables", "paper"):
        assert content[section] == {path: sha256(path) for path in content[section]}
    assert list(content["paper"]) == ["results/test/paper/figures/b.png", "results/test/paper/tables/a.csv"]
    assert content["datasets"] == {"resources/datasets/orchard/dataset.json": {"images": 3}}
    assert content["checkpoints"] == {"resources/checkpoints/sam2/checkpoint.json": {"status": "available"}}
    assert content["config"] == CONFIG
    assert content["sources"] == {
        "results/test/paper/tables/a.csv": [make_pairs_path("sam2", "box"), run["estimates_path"]]
    }
    assert json.dumps(content, sort_keys=True) == json.dumps(manifest.build_manifest(**run), sort_keys=True)


def test_a_changed_table_changes_only_its_checksum(run):
    before = manifest.build_manifest(**run)
    PAIRS.write(make_pairs_path("sam2", "box"), [], {"other": "content"})
    after = manifest.build_manifest(**run)
    changed = [path for path, digest in after["tables"].items() if before["tables"][path] != digest]
    assert changed == [make_pairs_path("sam2", "box")]


def test_sources_of_a_row(run):
    assert manifest.list_sources(ESTIMATE, run["estimates_path"]) == [
        run["estimates_path"],
        make_pairs_path("sam2", "box"),
    ]
    mask_row = {**ESTIMATE, "source": "b.parquet;a.parquet"}
    assert manifest.list_sources(mask_row, run["estimates_path"]) == ["a.parquet", "b.parquet"]
    assert manifest.list_sources({**ESTIMATE, "source": float("nan")}, run["estimates_path"]) == [], "an empty cell"
    assert manifest.list_sources({"something": "else"}, run["estimates_path"]) == []


def test_the_git_state_is_the_commit_and_whether_files_changed(tmp_path):
    assert manifest.read_git_state(tmp_path) == {"commit": None, "clean": None}

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, encoding="utf-8").stdout.strip()

    git("init")
    assert manifest.read_git_state(tmp_path) == {"commit": None, "clean": None}
    (tmp_path / "file").write_text("1", encoding="utf-8")
    git("add", "file")
    git("commit", "-m", "first")
    assert manifest.read_git_state(tmp_path) == {"commit": git("rev-parse", "HEAD"), "clean": True}
    (tmp_path / "file").write_text("2", encoding="utf-8")
    assert manifest.read_git_state(tmp_path)["clean"] is False


def test_package_hash_covers_every_module(tmp_path, monkeypatch):
    folder = tmp_path / "samgap"
    (folder / "metrics").mkdir(parents=True)
    for name in ("__init__.py", "files.py", "metrics/__init__.py", "metrics/iou.py"):
        (folder / name).write_text("", encoding="utf-8")
    monkeypatch.setattr(manifest.code_hash, "PACKAGE_DIR", folder)
    hashes = set()
    for name in (None, "__init__.py", "files.py", "metrics/__init__.py", "metrics/iou.py"):
        if name:
            (folder / name).write_text(f"NAME = {name!r}\n", encoding="utf-8")
        manifest.code_hash.clear_caches()
        hashes.add(manifest.hash_package())
    manifest.code_hash.clear_caches()
    assert len(hashes) == 5


def test_the_environment_has_versions_and_the_lock(tmp_path):
    assert manifest.describe_environment(tmp_path)["lock"] is None
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs/requirements.lock").write_text("numpy==1\n", encoding="utf-8")
    environment = manifest.describe_environment(tmp_path)
    assert environment["lock"] == sha256(tmp_path / "envs/requirements.lock")
    assert environment["packages"]["matplotlib"] == __import__("matplotlib").__version__
