"""Augmentations of trainings by name or file."""

import copy
from pathlib import Path

import pytest
import yaml

from samgap.config.augmentations import load_augmentations
from samgap.config.validate import validate_config
from samgap.errors import UserError
from tests.helpers.small_config import CONFIG, change, get_error

ROOT = Path(__file__).parents[3]
REGISTRY = yaml.safe_load((ROOT / "config" / "augmentations.yaml").read_text(encoding="utf-8"))


def load(value, root=ROOT):
    return load_augmentations({"trainings": {"t": {"augmentation": value}}}, root)["trainings"]["t"]["augmentation"]


def test_a_name_or_a_file_is_replaced_by_its_steps(tmp_path):
    assert load("sam2-official") == REGISTRY["sam2-official"]
    (tmp_path / "mine.yaml").write_text("- {transform: {flip: {}}}\n", encoding="utf-8")
    assert load(str(tmp_path / "mine.yaml")) == load([{"transform": {"flip": {}}}]) == [{"transform": {"flip": {}}}]
    assert load_augmentations({"trainings": {"t": {}}}, ROOT)["trainings"] == {"t": {}}


def test_an_unknown_name_is_one_line_with_the_known_ones():
    with pytest.raises(UserError, match=r"trainings\.t\.augmentation is 'sam2-offical', .*'sam2-official'\?"):
        load("sam2-offical")


@pytest.mark.parametrize("name", REGISTRY)
def test_every_augmentation_of_the_registry_is_valid(name, repository):
    config = copy.deepcopy(CONFIG)
    config["trainings"]["learn"]["augmentation"] = REGISTRY[name]
    steps = validate_config(config, repository)["trainings"]["learn"]["augmentation"]
    assert [step["transform"].keys() for step in steps] == [step["transform"].keys() for step in REGISTRY[name]]
    assert all(0 < step["probability"] <= 1 for step in steps)


def test_the_official_strengths_of_sam2_are_those_of_its_package():
    from importlib.resources import files

    file = files("sam2") / "configs" / "sam2.1_training" / "sam2.1_hiera_b+_MOSE_finetune.yaml"
    official = yaml.safe_load(file.read_text(encoding="utf-8"))["vos"]["train_transforms"][0]["transforms"]
    by_name = [(step["_target_"].rpartition(".")[2], step) for step in official]
    affine = dict(by_name)["RandomAffine"]
    jitters = [step for name, step in by_name if name == "ColorJitter"]
    steps = REGISTRY["sam2-official"]
    assert steps[1]["transform"]["affine"] == {key: affine[key] for key in ("degrees", "shear")}
    assert steps[3]["probability"] == dict(by_name)["RandomGrayscale"]["p"]
    for step, jitter in zip((steps[2], steps[4]), jitters, strict=True):
        colour = step["transform"]["colour"]
        assert all(colour[key] == jitter[key] for key in ("brightness", "contrast", "saturation")) and not jitter["hue"]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([{"transform": {"mosaic": {}}}], "trainings.learn.augmentation.0.transform"),
        ([{"transform": {"flip": {}}, "probability": 2}], "trainings.learn.augmentation.0.probability is 2"),
    ],
)
def test_a_step_that_does_not_exist_is_one_line(repository, steps, message):
    assert message in get_error(change("trainings/learn/augmentation", steps), repository)
