"""Results are compared with their own checksums and with the manifest, and the rule of a damaged one is named."""

import json
import os
from pathlib import Path

import pytest

from samgap.download.verify import DIFFERS, MISSING, OK, SKIPPED
from samgap.io.files import sha256
from samgap.jobs.verify_results import find_rule, verify_results
from samgap.tables.images import IMAGES

ROW = {"image_id": 1, "file": "1.png", "width": 9, "height": 9, "group": "a"}
RULES = {
    "estimate": [r"results/(?P<run>.+)/statistics/estimates\.parquet$"],
    "figure": [r"results/(?P<run>.+)/paper/figures/(?P<figure>.+)\.pdf$", r"results/(?P<run>.+)/paper/a\.csv$"],
}
TABLE = "results/demo/statistics/estimates.parquet"
FIGURE = "results/demo/paper/figures/sides.pdf"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a run with a table, a figure and a manifest of both; the results of an older table and a chunk."""
    monkeypatch.chdir(tmp_path)
    run = Path("results/demo")
    for name in (TABLE, "results/demo/matching/pairs.parquet", "results/demo/unfinished/predict/0000000.parquet"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        IMAGES.write(name, [ROW])
    Path("results/demo/unfinished/predict/0000000.parquet").write_bytes(b"half")
    Path(FIGURE).parent.mkdir(parents=True)
    Path(FIGURE).write_bytes(b"%PDF")
    manifest = {"tables": {TABLE: sha256(TABLE)}, "paper": {FIGURE: sha256(FIGURE)}}
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return run


def verify(folder):
    return {path: (status, details) for status, path, details in verify_results(folder, RULES)}


def flip(path, at=40):
    content = bytearray(Path(path).read_bytes())
    content[at] ^= 1
    times = os.stat(path)
    Path(path).write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_unchanged_results_agree(folder):
    results = verify(folder)
    assert {path: status for path, (status, _) in results.items()} == dict.fromkeys(
        (TABLE, FIGURE, "results/demo/matching/pairs.parquet"), OK
    )
    assert results[TABLE][1] == f"sha256 {sha256(TABLE)}"
    assert "the manifest does not list it" in results["results/demo/matching/pairs.parquet"][1]


def test_a_changed_bit_of_a_table_is_found_with_its_rule_and_without_a_manifest(folder):
    flip(TABLE)
    status, details = verify(folder)[TABLE]
    assert status == DIFFERS
    assert details.startswith("damaged (its content has changed") and details.endswith("; rule: estimate")
    (folder / "manifest.json").unlink()
    assert verify(folder)[TABLE][0] == DIFFERS


def test_a_changed_figure_is_found_by_the_manifest(folder):
    flip(FIGURE, at=1)
    status, details = verify(folder)[FIGURE]
    assert status == DIFFERS and "was recorded" in details and details.endswith("; rule: figure")


def test_a_missing_result_is_found(folder):
    Path(FIGURE).unlink()
    assert verify(folder)[FIGURE] == (MISSING, "does not exist; rule: figure")


def test_a_table_that_is_newer_than_the_manifest_belongs_to_an_unfinished_run(folder):
    IMAGES.write(TABLE, [{**ROW, "width": 10}])
    newer = os.stat(folder / "manifest.json").st_mtime_ns + 10**9
    os.utime(TABLE, ns=(newer, newer))
    assert verify(folder)[TABLE][0] == SKIPPED
    os.utime(TABLE, ns=(newer - 10**10, newer - 10**10))
    assert verify(folder)[TABLE][0] == DIFFERS


def test_nothing_is_verified_before_the_first_run(tmp_path):
    assert list(verify_results(tmp_path / "results" / "demo", RULES)) == []


def test_the_rule_of_a_file_is_found_by_its_outputs():
    assert find_rule(TABLE, RULES) == "estimate" and find_rule("results/demo/paper/a.csv", RULES) == "figure"
    assert find_rule("results/demo/other.parquet", RULES) == "unknown"


def test_trained_weights_are_compared_with_their_card(folder):
    weights = folder / "training" / "more" / "weights.pt"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    card = {"sha256": sha256(weights)}
    weights.with_name("checkpoint.json").write_text(json.dumps(card), encoding="utf-8")
    assert verify(folder)[str(weights)][0] == OK
    flip(weights, at=1)
    status, details = verify(folder)[str(weights)]
    assert status == DIFFERS and details.endswith("; rule: unknown")
