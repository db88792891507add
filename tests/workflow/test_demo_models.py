"""The demo models' own configuration, every leg of it, with few steps on few scenes."""

import pandas as pd
import yaml

KEPT = ("orchard-sim-train", "orchard-sim-val", "orchard-sim-test")
SCENES = {"scenes": 6, "size": 160, "shards": 1, "density": ["sparse"]}
SHOWN = {"dataset": "orchard-sim-test", "experiments": ["places", "concepts"], "prompts": ["box", "concepts"]}
SHOWN["metrics"] = ["iou", "f1-50"]


def _small(config: dict) -> dict:
    """Its trainings, of two steps each, and two of its cells; without photographs, which a network would bring."""
    config["datasets"] = {name: {**config["datasets"][name], **SCENES} for name in KEPT}
    for training in config["trainings"].values():
        training.pop("mix", None)
        training |= {"steps": 2, "schedule": 2, "warm-up": 1, "validate-every": 2, "batch": 2}
        training["image-size"] = 128
    for name in ("sam2-demo", "sam2-rebuilt"):
        config["models"][name].setdefault("weights", {})
    cells = {"places": ("box", "iou"), "concepts": ("concepts", "f1-50")}
    config["experiments"] = {
        name: {
            **config["experiments"][name],
            "datasets": ["orchard-sim-test"],
            "prompts": [prompts],
            "metrics": [metric],
        }
        for name, (prompts, metric) in cells.items()
    }
    config["statistics"]["resamples"] = 100
    for entry in (*config["figures"].values(), *config["tables"].values()):
        entry |= {key: value for key, value in SHOWN.items() if key in entry}
    config["figures"]["prompt-or-concept"]["concept"]["prompts"] = "concepts"
    pair = {
        "candidate": {"model": "sam2-demo", "prompts": "box"},
        "baseline": {"model": "sam2-rebuilt", "prompts": "box"},
    }
    config["comparisons"] = {"any": {"title": "Any", "experiments": ["places"], "metrics": ["iou"], "pairs": [pair]}}
    return config


def test_the_demo_models_are_trained_anew_and_held_against_their_card(checkout):
    whole = yaml.safe_load((checkout.folder / "config" / "demo-models.yaml").read_text())
    (checkout.folder / "test.yaml").write_text(yaml.safe_dump(_small(whole), sort_keys=False))
    checkout.run("pretrain_demo")
    folder = checkout.folder / "results" / "demo-models"
    for name, training in whole["trainings"].items():
        history = pd.read_parquet(folder / "training" / name / "history.parquet")
        assert history["step"].max() == 2 and any(history["term"].str.startswith("val_")), name
        assert (folder / "training" / name / "weights.pt").stat().st_size < 20e6
        if "start" in training:
            assert training["start"] in whole["trainings"]

    card = checkout.folder / "config" / "demo" / "figures.csv"
    rows = pd.read_csv(card).query("dataset == 'orchard-sim-test' and metric in ['iou', 'f1-50']")
    rows = rows[rows["prompts"].isin(["box", "concepts"]) & rows["model"].isin(["sam2-demo", "sam3-demo"])]
    rows = rows[(rows["prompts"] == "box") == (rows["metric"] == "iou")]
    assert len(rows) == 2
    rows.assign(ci_low=0.99, ci_high=1.0).to_csv(card, index=False)
    said = checkout.run("verify_demo_weights", ok=False)
    assert "2 of 2 figures of config/demo/figures.csv are not reached" in said
    rows.assign(ci_low=-1.0, ci_high=1.0).to_csv(card, index=False)
    checkout.run("verify_demo_weights")
    found = pd.read_csv(folder / "statistics" / "rebuilt.csv")
    assert found["reached"].all() and found["value_rebuilt"].notna().all()
