"""Training methods are modules of `samgap.demo_models`, chosen by `trainings.<id>.method`."""

from pathlib import Path

import yaml

from samgap.config.plugins import get_training_module, list_plugins

ROOT = Path(__file__).parents[3]


def test_a_training_uses_the_module_of_its_method_or_else_of_its_family():
    assert get_training_module({"family": "sam3"}) == "samgap.training.sam3"
    assert get_training_module({"family": "sam3", "method": "sam3-dense"}) == "samgap.demo_models.sam3_dense"


def test_every_method_of_the_demos_trainings_has_a_module():
    config = yaml.safe_load((ROOT / "config" / "demo-models.yaml").read_text())
    methods = {training["method"] for training in config["trainings"].values() if "method" in training}
    assert methods and methods <= set(list_plugins(ROOT, "demo_models")) == {"sam3-dense", "sam3-match"}
