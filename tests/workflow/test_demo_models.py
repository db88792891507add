"""The configuration of the demo's own weights: each training for two steps, the plan of all, and the comparison.

The trainings run in this process, without Snakemake: importing torch takes longer than two steps. Trainings as jobs of
the workflow are in test_runs.py.
"""

import hashlib
import importlib
import math
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from samgap.config.catalogs import merge_catalogs
from samgap.config.plugins import get_training_module
from samgap.demo_models import sam3_dense, sam3_interactive
from samgap.io.files import sha256
from samgap.models.runtime.weights import load_weights, read_weights, to_half_precision
from samgap.tables.statistics import ESTIMATES
from samgap.training import loop
from samgap.training.sam2 import task as sam2
from tests.helpers.training_data import write_orchard

ROOT = Path(__file__).parents[2]
CONFIG = merge_catalogs(yaml.safe_load((ROOT / "config" / "demo-models.yaml").read_text(encoding="utf-8")), ROOT)
SHORT_TRAINING = {
    "validation-images": 1,
    "steps": 2,
    "schedule": 2,
    "warm-up": 1,
    "validate-every": 2,
    "batch": 2,
    "image-size": 64,
}
MAX_WEIGHTS_BYTES = 20e6
SAM3_WITHOUT_HEAD_SHA256 = "23e5ad7761a8fec91d3ea3cae9fd85fa3d36e9068e7c3fad61395a5b4bece58e"
"""Of the names and bytes of the tensors of the demo's SAM3 before it had an interactive head, in the order of names."""


def _read_value(entry: dict, key: str) -> object:
    """Return the value of a key, or the content of the YAML file that it names."""
    value = entry.get(key)
    return yaml.safe_load((ROOT / value).read_text(encoding="utf-8")) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write_orchard(tmp_path_factory.mktemp("scenes"), n_scenes=3, side_px=96)


@pytest.fixture
def short_validation(monkeypatch):
    monkeypatch.setattr(sam2, "VALIDATION_CLIPS", 1)
    monkeypatch.setattr(sam2, "VALIDATION_FRAMES", 2)
    monkeypatch.setattr(sam3_dense, "N_VALIDATION_VIEWS", 2)


@pytest.mark.parametrize("name", CONFIG["trainings"])
def test_every_training_runs_from_the_weights_of_its_model(name, scenes, short_validation, tmp_path):
    training = CONFIG["trainings"][name] | SHORT_TRAINING
    if "clips" in training:
        training["clips"] = {**training["clips"], "videos": 1, "frames": 2}
    model = CONFIG["models"][training["model"]]
    files = {key: _read_value(model, key) for key in ("overrides", "architecture") if key in model}
    torch.manual_seed(CONFIG["seed"])
    task = importlib.import_module(get_training_module(training)).open_task(
        options=training,
        model={**model, **files},
        phrases=_read_value(CONFIG["prompts"].get(training.get("prompts"), {}), "phrases"),
        data=[scenes],
        validation=scenes,
        device="cpu",
        scratch=tmp_path,
    )
    weights = ROOT / model["weights"]["path"]
    # The trainings before the last have a model without the interactive head.
    load_weights(task.model, read_weights(weights)["model"], str(weights), strict=training["family"] == "sam2")
    history = loop.train(task, training, CONFIG["seed"], "cpu", tmp_path / "state.pt", {}).history
    assert {row["step"] for row in history} == {2}
    assert {"total"} < {row["term"] for row in history}
    assert any(row["term"].startswith("val_") for row in history)
    assert all(math.isfinite(row["value"]) for row in history)
    trained = to_half_precision(task.model.state_dict())
    assert sum(value.nbytes for value in trained.values()) < MAX_WEIGHTS_BYTES


def test_the_interactive_head_changed_no_other_weight_of_sam3():
    digest = hashlib.sha256()
    state = read_weights(ROOT / CONFIG["models"]["sam3-demo"]["weights"]["path"])["model"]
    for name in sorted(state):
        if not name.startswith((sam3_interactive.HEAD, sam3_interactive.NECK)):
            digest.update(name.encode())
            digest.update(state[name].contiguous().numpy().tobytes())
    assert digest.hexdigest() == SAM3_WITHOUT_HEAD_SHA256


@pytest.mark.parametrize("name", ["sam2-demo", "sam3-demo"])
def test_the_catalog_and_the_card_name_the_committed_weights(name):
    weights = CONFIG["models"][name]["weights"]
    file = ROOT / weights["path"]
    assert (weights["sha256"], weights["size"]) == (sha256(file), file.stat().st_size)
    card = (ROOT / "config/demo/README.md").read_text(encoding="utf-8")
    assert f"`{weights['sha256'][:16]}…`" in card and f"{weights['size'] / 1e6:.1f} MB" in card
    assert file.stat().st_size < MAX_WEIGHTS_BYTES


def test_the_history_of_the_demos_trainings_has_all_of_them():
    for family in ("sam2", "sam3"):
        history = pd.read_csv(ROOT / f"config/demo/{family}-demo.history.csv")
        trainings = [name for name, entry in CONFIG["trainings"].items() if entry["family"] == family]
        assert list(dict.fromkeys(history["training"])) == trainings
        last_steps = history.groupby("training")["step"].max().to_dict()
        assert last_steps == {name: CONFIG["trainings"][name]["steps"] for name in trainings}


@pytest.mark.workflow
def test_a_retraining_is_planned_from_the_first_training_to_the_comparison(checkout):
    (checkout.folder / "test.yaml").write_text(
        (ROOT / "config" / "demo-models.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    plan = checkout.run("verify_demo_weights", "--dry-run", "--quiet", "rules")
    jobs = dict(line.split() for line in plan.splitlines() if len(line.split()) == 2)
    assert jobs["train"] == str(len(CONFIG["trainings"]))
    assert jobs["verify_demo_weights"] == jobs["estimate"] == "1"


@pytest.mark.workflow
def test_the_comparison_fails_with_one_line_if_an_estimate_is_below_the_card(checkout):
    (checkout.folder / "test.yaml").write_text(
        (ROOT / "config" / "demo-models.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    card = checkout.folder / "config" / "demo" / "figures.csv"
    rows = pd.read_csv(card).query("dataset == 'orchard-sim-test' and model in ['sam2-demo', 'sam3-demo']")
    rows = rows.query("(prompts == 'box' and metric == 'iou') or (prompts == 'concepts' and metric == 'f1-50')")
    assert len(rows) == 2
    folder = checkout.folder / "results" / "demo-models" / "statistics"
    folder.mkdir(parents=True)
    other = {"experiment": "any", "stratum": "all", "clusters": "image", "n_clusters": 1}
    other |= {"n_images_total": 1, "n_clusters_total": 1}
    estimates = [other | row | {"model": row["model"].replace("demo", "rebuilt")} for row in rows.to_dict("records")]
    ESTIMATES.write(folder / "estimates.parquet", estimates)
    # Without --allowed-rules Snakemake would make the estimates, beginning with the trainings.
    command = ("verify_demo_weights", "--allowed-rules", "verify_demo_weights")
    rows.assign(ci_low=0.999, ci_high=1.0).to_csv(card, index=False)
    assert "2 of 2 " in (output := checkout.run(*command, succeeds=False)) and "config/demo/figures.csv" in output
    rows.to_csv(card, index=False)
    checkout.run(*command)
    compared = pd.read_csv(folder / "rebuilt.csv")
    assert compared["reached"].all() and compared["value_rebuilt"].notna().all()
