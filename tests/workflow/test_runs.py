"""Small runs of the demo models: finished, edited, killed and resumed, without weights, badly configured."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.recomputation.raw import Run
from benchmarks.recomputation.tables import check_run
from benchmarks.recomputation.values import NOT_RECOMPUTED
from samgap.tables import parquet
from tests.helpers.recomputed_run import list_demo_metrics, use_demo_metrics

from .conftest import SCENES, small_config

pytestmark = pytest.mark.workflow

TOLERANCE = 1e-6
"""Scores and boxes are stored as float32."""


def _table_checksums(folder):
    """Return the SHA-256 of every table of the run except the timings."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
        if path.name != "timing.parquet"
    }


def test_a_run_writes_tables_figures_and_a_manifest_and_a_second_run_has_nothing_to_do(finished_run):
    results = finished_run.folder / "results" / "demo"
    for form in ("pdf", "svg", "png", "csv"):
        assert (results / "paper" / "figures" / f"prompt-or-concept.{form}").stat().st_size > 0
    assert "demo" in (results / "paper" / "figures" / "estimates.svg").read_text(encoding="utf-8")
    assert "demo" in (results / "paper" / "tables" / "results.md").read_text(encoding="utf-8")

    estimates = (
        pq.read_table(results / "statistics" / "estimates.parquet")
        .to_pandas()
        .set_index(["model", "metric", "stratum"])
    )
    iou = estimates.xs("iou", level="metric").xs("all", level="stratum")
    assert 0.6 < iou.loc["filled-box", "value"] < 1
    assert (iou["ci_low"] <= iou["value"]).all() and (iou["value"] <= iou["ci_high"]).all()
    assert iou["note"].isna().all()

    comparisons = pq.read_table(results / "statistics" / "comparisons.parquet").to_pandas()
    words = comparisons[comparisons["comparison"] == "words"]
    assert {"all", "area: small"} <= set(words["stratum"]) and (words["margin"] == 0.02).all()
    assert words.loc[words["stratum"] == "area: small", "value"].notna().all()

    # The manifest lists the tables, and the provenance of the masks has the checksum of the weights.
    manifest = json.loads((results / "manifest.json").read_text(encoding="utf-8"))
    assert "results/demo/statistics/estimates.parquet" in json.dumps(manifest)
    masks = next((results / "predictions").rglob("model=sam3-demo/**/masks.parquet"))
    provenance = json.loads(pq.read_schema(masks).metadata[b"samgap"])
    weights = finished_run.folder / "config" / "demo" / "sam3-demo.pt"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in provenance["inputs"].values()

    assert "Nothing to be done" in finished_run.run()


def test_every_value_is_that_of_the_raw_masks(finished_run, tmp_path):
    """The second path shares no code with the workflow's."""
    checkout = finished_run.copy(tmp_path / "samgap")
    checkout.write_config(**use_demo_metrics(small_config(SCENES)))
    checkout.run(*(f"results/demo/statistics/{name}.parquet" for name in ("estimates", "comparisons", "confusions")))
    checks = list(check_run(Run(checkout.folder, "test.yaml")))
    assert [check for check in checks if not check.deviation <= TOLERANCE] == []
    columns = {(check.table, check.column) for check in checks if not np.isnan(check.recomputed)}
    assert {("comparisons", "iou"), ("thresholds", "is_chosen"), ("confusions", "share")} <= columns
    demo_metrics = {metric for metrics in list_demo_metrics().values() for metric in metrics} - NOT_RECOMPUTED.keys()
    assert demo_metrics <= {check.column for check in checks if check.table == "estimates"}
    # No mask of the small scenes has a score of 0.8.
    undefined = {metric for metric in demo_metrics if ("estimates", metric) not in columns}
    assert undefined <= {f"precision-score-{percent}" for percent in (80, 85, 90, 95)}
    assert len(checks) > 1000


def test_a_run_decides_the_claims_from_the_packages_and_its_estimates(finished_run):
    results = finished_run.folder / "results" / "demo"
    claims = pq.read_table(results / "claims" / "claims.parquet").to_pandas().set_index("id")
    queries = claims.loc["sam3-200-queries"]
    assert queries["verdict"] == "confirmed" and queries["source"] == "results/demo/inventory/inventory.parquet"
    iou = claims.loc["sam2-pretrained-iou"]
    assert iou["ci_low"] <= iou["value"] <= iou["ci_high"] and iou["demo"] and iou["run"] == "demo"
    assert iou["evidence"][0].startswith("experiment spatial-prompts, sam2-demo with box on orchard: iou = ")
    unmeasured = "not testable: the experiment spatial-prompts does not measure prompts-per-image"
    assert claims.loc["one-phrase-for-all", "verdict"] == unmeasured

    manifest = json.loads((results / "manifest.json").read_text(encoding="utf-8"))
    tables = {f"results/demo/{name}.parquet" for name in ("claims/claims", "inventory/inventory", "inventory/probes")}
    assert tables <= manifest["tables"].keys()
    assert tables | {"results/demo/statistics/estimates.parquet"} <= set(
        manifest["sources"]["results/demo/paper/tables/claims.csv"]
    )


def test_an_edit_reruns_what_depends_on_it_and_no_inference(finished_run, tmp_path):
    checkout = finished_run.copy(tmp_path / "samgap")
    package = checkout.folder / "src" / "samgap"

    def plan_after(file, text):
        (package / file).write_text((package / file).read_text(encoding="utf-8") + text, encoding="utf-8")
        return checkout.run("-n")

    assert "Nothing to be done" in plan_after("metrics/iou.py", "\n# A comment changes no number.\n")
    plan = plan_after("metrics/iou.py", "\nEDITED = True\n")
    assert "rule estimate:" in plan and "rule match_predictions:" not in plan and "rule predict:" not in plan
    plan = plan_after("matching/shard.py", "\nEDITED = True\n")
    assert "rule match_predictions:" in plan and "rule predict:" not in plan


def test_a_run_killed_during_inference_resumes_to_the_same_tables(finished_run, tmp_path):
    checkout = finished_run.copy(tmp_path / "samgap")
    for folder in list((checkout.folder / "results" / "demo").rglob("model=sam2-demo")):
        shutil.rmtree(folder)
    shutil.rmtree(checkout.folder / "logs" / "demo" / "predict")
    tables = [f"results/demo/statistics/{name}.parquet" for name in ("estimates", "comparisons")]
    for table in tables:
        (checkout.folder / table).unlink()
    run = subprocess.Popen(
        checkout.command(*tables, cores=2),  # as the finished run: sums depend on the number of threads
        cwd=checkout.folder,
        env=checkout.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # Kill all processes at once, as a power failure would, after inference has started.
    logs = checkout.folder / "logs" / "demo" / "predict"
    deadline = time.monotonic() + 120
    while not list(logs.glob("*sam*")):
        assert run.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1.0)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not any((checkout.folder / table).exists() for table in tables)

    checkout.run("--unlock")
    checkout.run(*tables, "--rerun-incomplete", cores=2)
    resumed_results, expected_results = (
        folder / "results" / "demo" for folder in (checkout.folder, finished_run.folder)
    )
    assert _table_checksums(resumed_results) == _table_checksums(expected_results)


def test_predictions_state_the_arithmetic_and_how_the_weights_were_read(finished_run):
    path = "results/demo/predictions/dataset=orchard/model={}/prompts=box/shard=000/masks.parquet"
    provenance = parquet.read_provenance(finished_run.folder / path.format("sam2-demo"))
    assert provenance["tf32"] is True and "n_not_finite" not in provenance
    weights_file = "resources/checkpoints/sam2-demo/weights.pt"
    assert provenance["weights_assumptions"] == [f"{weights_file}: 371 tensors converted from float16 to float32"]


def test_auto_with_a_gpu_that_cannot_be_used_stops_with_one_line(finished_run, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_GPUS", "0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    checkout = finished_run.copy(tmp_path / "samgap")
    target = "results/demo/predictions/dataset=orchard/model=sam2-demo/prompts=box/shard=000/masks.parquet"
    output = checkout.run(target, "--forcerun", "predict", "--until", "predict", succeeds=False)
    (line,) = [line for line in output.splitlines() if line.startswith("error:")]
    assert line.startswith(
        "error: device: auto, and SLURM gave this job a GPU (SLURM_JOB_GPUS=0), but no GPU can be used"
    )


def test_cuda_without_a_gpu_stops_a_network_with_one_line_and_no_baseline(finished_run, tmp_path):
    checkout = finished_run.copy(tmp_path / "samgap")
    checkout.write_config(**small_config(SCENES), device="cuda")
    folder = checkout.folder / "results/demo/predictions/dataset=orchard"
    network, baseline = (
        folder / f"model={model}/prompts=box/shard=000/masks.parquet" for model in ("sam2-demo", "filled-box")
    )
    targets = [str(path.relative_to(checkout.folder)) for path in (network, baseline)]
    output = checkout.run(*targets, "--keep-going", succeeds=False)
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    (line,) = [line for line in output.splitlines() if line.startswith("error:")]
    assert line.startswith("error: device: cuda, but no GPU can be used here: ")
    assert not network.exists()
    assert parquet.read_provenance(baseline)["device"] == "cpu"


def test_weights_of_another_checksum_stop_with_one_line(checkout):
    zeros = "0" * 64
    checkout.write_config(
        weights={"sam2-demo": {"path": "config/demo/sam2-demo.pt", "sha256": zeros}}, **small_config(SCENES)
    )
    output = checkout.run("resources/checkpoints/sam2-demo/checkpoint.json", succeeds=False)
    lines = [line for line in output.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and zeros[:8] in lines[0]
    assert not (checkout.folder / "resources" / "checkpoints" / "sam2-demo" / "weights.pt").exists()


def test_a_training_is_one_more_checkpoint(checkout):
    sections = small_config(SCENES)
    sections["datasets"] |= {"orchard": {**SCENES, "scenes": 2}, "others": {**SCENES, "scenes": 2, "seed": 22}}
    training = {
        "family": "sam3",
        "model": "sam3-demo",
        "start": "scratch",
        "dataset": "orchard",
        "validation": "others",
        "prompts": "concepts",
        "steps": 2,
        "batch": 2,
        "image-size": 64,
        "negatives": 1,
        "learning-rate": 1e-4,
    }
    sections["trainings"] = {"learn": training, "more": {**training, "start": "learn"}}
    checkout.write_config(weights={"sam3-demo": {"training": "more"}}, **sections)
    checkout.run("resources/checkpoints/sam3-demo/checkpoint.json")
    trainings = checkout.folder / "results" / "demo" / "training"
    cards = {
        name: json.loads((trainings / name / "checkpoint.json").read_text(encoding="utf-8"))
        for name in ("learn", "more")
    }
    checkpoint = json.loads(
        (checkout.folder / "resources" / "checkpoints" / "sam3-demo" / "checkpoint.json").read_text(encoding="utf-8")
    )
    assert checkpoint["sha256"] == cards["more"]["sha256"] != cards["learn"]["sha256"]
    # The recipe of the second training lists the weights that it started from as an input.
    assert cards["learn"]["sha256"] in cards["more"]["recipe"]["inputs"].values()
    history = pq.read_table(trainings / "more" / "history.parquet").to_pandas()
    assert {"total", "val_f1_50"} <= set(history["term"]) and history["step"].max() == 2
    assert not (trainings / "more" / "unfinished.pt").exists()
