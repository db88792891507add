"""Whole runs: the demo's models on a few scenes, killed and resumed, skipped, and badly configured."""

import hashlib
import json
import os
import signal
import subprocess
import time

import pyarrow.parquet as pq
import pytest

from .conftest import SCENES, Checkout, small_config

pytestmark = pytest.mark.workflow


def _tables(folder):
    """sha256 of every table of the run but the timings."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
        if path.name != "timing.parquet"
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An undisturbed run, shared: tests that change it work on a copy."""
    checkout = Checkout(tmp_path_factory.mktemp("finished") / "samgap")
    checkout.config(**small_config(SCENES))
    checkout.run()
    return checkout


def test_a_run_ends_in_tables_figures_and_a_manifest_and_a_second_finds_nothing_to_do(finished):
    results = finished.folder / "results" / "demo"
    for form in ("pdf", "svg", "png", "csv"):
        assert (results / "paper" / "figures" / f"prompt-or-concept.{form}").stat().st_size > 0
    assert "demo" in (results / "paper" / "figures" / "estimates.svg").read_text()
    assert "demo" in (results / "paper" / "tables" / "results.md").read_text()

    estimates = (
        pq.read_table(results / "statistics" / "estimates.parquet")
        .to_pandas()
        .set_index(["model", "metric", "stratum"])
    )
    iou = estimates.xs("iou", level="metric").xs("all", level="stratum")
    assert 0.6 < iou.loc["filled-box", "value"] < iou.loc["ellipse", "value"] < 1
    assert (iou["ci_low"] <= iou["value"]).all() and (iou["value"] <= iou["ci_high"]).all()
    assert iou["note"].isna().all()

    # Every table's hash stands in the manifest, and the masks name the very weights that made them.
    manifest = json.loads((results / "manifest.json").read_text())
    assert "results/demo/statistics/estimates.parquet" in json.dumps(manifest)
    masks = next((results / "predictions").rglob("model=sam3-demo/**/masks.parquet"))
    provenance = json.loads(pq.read_schema(masks).metadata[b"samgap"])
    weights = finished.folder / "config" / "demo" / "sam3-demo.pt"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in provenance["inputs"].values()

    assert "Nothing to be done" in finished.run()


def test_an_edit_of_a_metric_reruns_no_inference(finished, tmp_path):
    checkout = finished.copy(tmp_path / "samgap")
    metric = checkout.folder / "src" / "samgap" / "metrics" / "iou.py"
    metric.write_text(metric.read_text() + "\n# edited\n")
    plan = checkout.run("-n")
    assert "rule estimate:" in plan and "rule predict:" not in plan
    matching = checkout.folder / "src" / "samgap" / "matching.py"
    matching.write_text(matching.read_text() + "\n# edited\n")
    plan = checkout.run("-n")
    assert "rule match_predictions:" in plan and "rule predict:" not in plan


def test_a_run_killed_in_inference_ends_in_the_same_tables(checkout, finished):
    checkout.config(**small_config(SCENES))
    run = subprocess.Popen(
        checkout.command(),
        cwd=checkout.folder,
        env=checkout.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # Kill the whole run as a power cut would, once inference is under way.
    logs = checkout.folder / "logs" / "demo" / "predict"
    end = time.monotonic() + 300
    while not list(logs.glob("*sam*")):
        assert run.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    time.sleep(1.0)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not (checkout.folder / "results" / "demo" / "statistics").exists()

    checkout.run("--unlock")
    checkout.run("--rerun-incomplete")
    assert _tables(checkout.folder / "results" / "demo") == _tables(finished.folder / "results" / "demo")


def test_a_missing_weight_is_a_row_that_says_so(checkout):
    checkout.config(weights={"sam3-demo": {"hub": "example/gated", "file": "sam3.pt"}}, **small_config(SCENES))
    output = checkout.run()
    assert "skipped" in output
    results = checkout.folder / "results" / "demo"
    estimates = pq.read_table(results / "statistics" / "estimates.parquet").to_pandas()
    missing = estimates[estimates["model"] == "sam3-demo"]
    assert len(missing) and missing["value"].isna().all()
    assert missing["note"].str.startswith("skipped: weights not available").all()
    assert estimates[estimates["model"] == "sam2-demo"]["value"].notna().all()
    assert "skipped: weights not available" in (results / "paper" / "tables" / "results.md").read_text()


def test_cuda_without_a_gpu_stops_with_one_line(checkout):
    checkout.config(**small_config(SCENES), device="cuda")
    target = "results/demo/predictions/dataset=orchard/model=sam2-demo/prompts=box/shard=000/masks.parquet"
    output = checkout.run(target, ok=False)
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    lines = [line for line in output.splitlines() if line.startswith("error:")]
    assert lines == ["error: device: cuda, but no usable GPU was found here; use device: auto or cpu, or a GPU node"]
    assert not (checkout.folder / target).exists()


def test_weights_of_another_checksum_stop_with_one_line(checkout):
    zeros = "0" * 64
    checkout.config(
        weights={"sam2-demo": {"path": "config/demo/sam2-demo.pt", "sha256": zeros}}, **small_config(SCENES)
    )
    output = checkout.run("resources/checkpoints/sam2-demo/checkpoint.json", ok=False)
    lines = [line for line in output.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and zeros[:8] in lines[0]
    assert not (checkout.folder / "resources" / "checkpoints" / "sam2-demo" / "weights.pt").exists()


def test_a_training_is_one_more_checkpoint(checkout):
    sections = small_config(SCENES)
    sections["datasets"]["others"] = {**SCENES, "scenes": 2, "seed": 22}
    learn = {
        "family": "sam3",
        "model": "sam3-demo",
        "dataset": "orchard",
        "validation": "others",
        "prompts": "concepts",
        "steps": 2,
        "batch": 2,
        "negatives": 1,
        "learning-rate": 1e-4,
    }
    sections["trainings"] = {"learn": learn, "more": {**learn, "start": "learn"}}
    checkout.config(weights={"sam3-demo": {"training": "more"}}, **sections)
    checkout.run("resources/checkpoints/sam3-demo/checkpoint.json")
    trainings = checkout.folder / "results" / "demo" / "training"
    cards = {name: json.loads((trainings / name / "checkpoint.json").read_text()) for name in ("learn", "more")}
    made = json.loads((checkout.folder / "resources" / "checkpoints" / "sam3-demo" / "checkpoint.json").read_text())
    assert made["sha256"] == cards["more"]["sha256"] != cards["learn"]["sha256"]
    # It started from the other's weights, and those are among the inputs that it states.
    assert cards["learn"]["sha256"] in cards["more"]["recipe"]["inputs"].values()
    history = pq.read_table(trainings / "more" / "history.parquet").to_pandas()
    assert {"total", "val_f1"} <= set(history["term"]) and history["step"].max() == 2
    assert not (trainings / "more" / "unfinished.pt").exists()
