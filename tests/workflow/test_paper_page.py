"""The page of a finished run, and its figures, tables and page made again from finished metrics."""

import hashlib
import os
import shutil

import pyarrow.parquet as pq
import pytest

from tests.helpers.pages import Page

pytestmark = pytest.mark.workflow
PAPER = "results/demo/paper"
NO_TORCH = """raise ImportError("torch is imported")\n"""


def list_files(folder):
    """Return the SHA-256 of each file below a folder, by its path."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_page_shows_all_figures_and_tables_and_its_links_lead_to_files(finished_run):
    folder = finished_run.folder / PAPER
    page = Page((folder / "index.html").read_text(encoding="utf-8"))
    assert page.errors == []
    assert all(address.startswith("data:image/") for address in page.loaded)
    assert len(page.images) == 2 and all(image["alt"] for image in page.images)
    shown = {f"figures-{id}" for id in ("prompt-or-concept", "estimates")}
    shown |= {f"tables-{id}" for id in ("results", "comparisons", "claims")}
    assert shown <= set(page.anchors)
    local = [address for address in page.links if not address.startswith("https://")]
    assert [address for address in local if address[0] != "#" and not (folder / address).is_file()] == []
    assert {address[1:] for address in local if address[0] == "#"} <= set(page.anchors)
    assert {"../manifest.json", "../claims/claims.parquet", "../statistics/estimates.parquet"} <= set(local)
    assert "Demo: the models SAM2 (demo), SAM3 (demo) are small models" in page.text
    assert "No data: the configuration of this run has no entry for Figure 1, Figure 3," in page.text
    manifest = (finished_run.folder / "results/demo/manifest.json").read_text(encoding="utf-8")
    assert hashlib.sha256((folder / "index.html").read_bytes()).hexdigest() in manifest


def test_figures_tables_and_page_are_made_again_from_finished_metrics_without_torch(finished_run, tmp_path):
    checkout = finished_run.copy(tmp_path / "samgap")
    before = list_files(checkout.folder / PAPER)
    shutil.rmtree(checkout.folder / PAPER)
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "torch.py").write_text(NO_TORCH, encoding="utf-8")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(blocked), os.environ.get("PYTHONPATH", "")]))
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
        output = checkout.run("paper_figures")
    assert list_files(checkout.folder / PAPER) == before
    jobs = {line.split()[1].rstrip(":") for line in output.splitlines() if line.startswith(("rule ", "localrule "))}
    assert jobs == {"figure", "table", "paper_page", "paper_figures"}


def test_one_experiment_is_run_alone_with_what_the_paper_has_of_it(finished_run, tmp_path):
    checkout = finished_run.copy(tmp_path / "samgap")
    output = checkout.run("--config", "experiments=concept-prompts")
    assert "rule predict:" not in output and "rule compare:" in output
    assert pq.read_table(checkout.folder / "results/demo/statistics/comparisons.parquet").num_rows == 0
    estimates = pq.read_table(checkout.folder / "results/demo/statistics/estimates.parquet").to_pandas()
    assert set(estimates["experiment"]) == {"concept-prompts"}
    page = Page((checkout.folder / PAPER / "index.html").read_text(encoding="utf-8"))
    assert [anchor for anchor in page.anchors if anchor.startswith("figures-")] == ["figures-estimates"]
    assert "filled-box" not in page.text.partition("What was predicted")[2]


def test_the_plan_counts_prompts_and_estimates_hours_from_finished_predictions(finished_run, tmp_path):
    checkout = finished_run.copy(tmp_path / "samgap")
    checkout.run("plan")
    plan = (checkout.folder / PAPER / "plan.md").read_text(encoding="utf-8")
    row = next(line for line in plan.splitlines() if "experiments.spatial-prompts" in line)
    assert "| Boxes (experiments.spatial-prompts) | orchard | sam2-demo, filled-box | box | 2 | 4 |" in row
    assert "(cpu)" in row and "without a rate" not in row
