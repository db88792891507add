"""Presets: recipes over which a training's own keys go."""

from pathlib import Path

import pytest
import yaml

from samgap.config.validate import validate_config
from tests.helpers.small_config import ROOT, change, get_error

PRESET = {
    "description": "A recipe.",
    "sam3": {"epochs": 3, "batch": 4, "learning-rate": 0.5, "loss-weights": {"loss_bbox": 7, "loss_ce": 8}},
}


def write_preset(folder: Path, blocks: object, name: str = "mine") -> Path:
    file = folder / "config" / "presets" / f"{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(blocks), encoding="utf-8")
    return file


def make_config(preset: str | None, **keys: object) -> dict[str, object]:
    """Return the small configuration whose training has a preset, and `keys` (None removes one)."""
    config = change("trainings/learn/preset", preset)
    entry = config["trainings"]["learn"]
    entry.update(keys)
    config["trainings"]["learn"] = {key: value for key, value in entry.items() if value is not None}
    return config


def resolve(config, repository):
    return validate_config(config, repository)["trainings"]["learn"]


def test_a_training_has_the_keys_of_its_preset_and_its_own_over_them(repository):
    write_preset(repository, PRESET)
    own = {"steps": None, "batch": None, "learning-rate": 0.25, "loss-weights": {"loss_ce": 1}}
    entry = resolve(make_config("mine", **own), repository)
    assert (entry["epochs"], entry["batch"], entry["learning-rate"]) == (3, 4, 0.25)
    assert entry["loss-weights"] == {"loss_bbox": 7, "loss_ce": 1}
    assert entry["preset"] == "mine" and entry["clip"] == 1.0  # a default of the schema
    assert "steps" not in entry and "description" not in entry


def test_the_resolved_training_changes_with_the_content_of_a_preset(repository):
    write_preset(repository, PRESET)
    config = make_config("mine", steps=None, batch=None)
    before = resolve(config, repository)
    write_preset(repository, {**PRESET, "sam3": {**PRESET["sam3"], "batch": 5}})
    assert resolve(config, repository) == {**before, "batch": 5}


def test_steps_of_a_training_replace_the_epochs_of_its_preset(repository):
    write_preset(repository, {"sam3": {**PRESET["sam3"], "warm-up-epochs": 1}})
    entry = resolve(make_config("mine", **{"warm-up": 7}), repository)
    assert (entry["steps"], entry["warm-up"]) == (9, 7)
    assert "epochs" not in entry and "warm-up-epochs" not in entry


@pytest.mark.parametrize("is_absolute", [True, False])
def test_a_preset_can_be_a_file_of_the_user(repository, is_absolute):
    file = write_preset(repository, PRESET, name="elsewhere").rename(repository / "config" / "my.yaml")
    path = str(file) if is_absolute else "config/my.yaml"
    assert resolve(make_config(path, steps=None), repository)["epochs"] == 3


@pytest.mark.parametrize(
    ("blocks", "preset", "parts"),
    [
        (PRESET, "min", ["trainings.learn.preset is 'min'", "there is mine", "path of a YAML file"]),
        (PRESET, "no/such.yaml", ["trainings.learn.preset names the file no/such.yaml", "cannot be read"]),
        ({"sam2": {"batch": 1}}, "mine", ["config/presets/mine.yaml", "family 'sam3' (sam2)"]),
        ({"sam3": {"objects": 3}}, "mine", ["'sam3.objects'", "no meaning for trainings of this family"]),
        ({"sam3": {"batchs": 3}}, "mine", ["'sam3.batchs'", "did you mean 'batch'?"]),
        ({"sam3": {"dataset": "more"}}, "mine", ["'sam3.dataset'", "belongs to a training"]),
        ({"sam3": {"batch": 0}}, "mine", ["trainings.learn.batch is 0", "less than 1"]),
        (["sam3"], "mine", ["config/presets/mine.yaml", "no keys"]),
    ],
)
def test_a_preset_that_cannot_be_used_is_one_line(repository, blocks, preset, parts):
    write_preset(repository, blocks)
    message = get_error(make_config(preset, batch=None), repository)
    for part in parts:
        assert part in message


def test_a_training_has_either_steps_or_epochs(repository):
    assert "name exactly one" in get_error(make_config(None, epochs=2), repository)
    assert "none of 'epochs', 'steps'" in get_error(make_config(None, steps=None), repository)
    both = {"warm-up": 3, "warm-up-epochs": 1}
    assert "'warm-up' and 'warm-up-epochs'" in get_error(make_config(None, **both), repository)


@pytest.mark.parametrize("family", ["sam2", "sam3"])
@pytest.mark.parametrize("preset", sorted(file.stem for file in (ROOT / "config" / "presets").glob("*.yaml")))
def test_every_preset_of_the_repository_makes_a_training_of_each_family_complete(preset, family):
    models = {
        "m": {"family": family, **({"config": "sam2.yaml"} if family == "sam2" else {}), "weights": {"path": "w"}}
    }
    entry = {"family": family, "model": "m", "dataset": "a", "validation": "b", "preset": preset}
    own = {"prompts": "p", "negatives": 1} if family == "sam3" else {}
    config = {
        "run": "r",
        "datasets": {
            name: {"kind": "orchard-sim", "scenes": 2, "size": 64, "seed": seed} for seed, name in enumerate("ab")
        },
        "models": models,
        "prompts": {
            "p": {"kind": "phrases", "phrases": [{"phrase": "apple", "noun": "apple"}]},
            "box": {"kind": "box"},
        },
        "experiments": {},
        "trainings": {"t": entry | own},
    }
    resolved = validate_config(config, ROOT)["trainings"]["t"]
    assert resolved["batch"] >= 1 and resolved["learning-rate"] > 0
    assert len({"steps", "epochs"} & set(resolved)) == 1
