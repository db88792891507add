"""Plug-ins by id, listed from their files without an import."""

import re
from pathlib import Path

import pytest
import yaml

from samgap.config import plugins
from samgap.config.plugins import get_training_module, list_plugins
from samgap.errors import UserError
from samgap.metrics import METRIC_REGISTRY


def write(root: Path, name: str, text: str = "") -> Path:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_plugin_is_a_module_or_a_package_with_the_marker_of_its_stage(tmp_path):
    module = write(tmp_path, "src/samgap/models/sam_4.py", "import a_module_that_does_not_exist\nKINDS = ('box',)\n")
    package = write(tmp_path, "src/samgap/models/sam5/__init__.py", "KINDS: tuple = ('box',)\n")
    write(tmp_path, "src/samgap/models/helper.py", "def open_model(): ...\n")
    write(tmp_path, "src/samgap/models/sam5/image.py", "KINDS = ()\n")
    assert plugins.list_plugins(tmp_path, "models") == {"sam-4": module, "sam5": package}


@pytest.mark.parametrize("section", ["figures", "tables"])
def test_figures_and_tables_are_modules_of_the_package(tmp_path, section):
    inside = write(tmp_path, f"src/samgap/paper/{section}/by_size.py")
    write(tmp_path, f"src/samgap/paper/{section}/__init__.py")
    write(tmp_path, f"src/samgap/paper/{section}/_helper.py")
    assert plugins.list_paper_items(tmp_path, section) == {"by-size": inside}
    assert plugins.get_paper_item_file(section, "by-size") == inside.relative_to(tmp_path)


@pytest.mark.parametrize("section", ["figures", "tables"])
def test_inputs_of_a_figure_or_table_are_read_without_an_import(tmp_path, section):
    write(tmp_path, f"src/samgap/paper/{section}/none.py")
    write(tmp_path, f"src/samgap/paper/{section}/two.py", "import nothing_here\nINPUTS = ('comparisons', 'history')\n")
    assert plugins.read_paper_inputs(tmp_path, section, "none") == ()
    assert plugins.read_paper_inputs(tmp_path, section, "two") == ("comparisons", "history")


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("('comparison',)", "INPUTS names 'comparison'; did you mean 'comparisons'?"),
        ("'comparisons'", "INPUTS is not a literal tuple"),
        ("tuple(open('x'))", "INPUTS is not a literal tuple"),
    ],
)
def test_invalid_inputs_are_one_line_that_names_the_module(tmp_path, inputs, message):
    write(tmp_path, "src/samgap/paper/figures/bad.py", f"INPUTS = {inputs}\n")
    with pytest.raises(UserError, match=f"^src/samgap/paper/figures/bad.py: {re.escape(message)}"):
        plugins.read_paper_inputs(tmp_path, "figures", "bad")


@pytest.mark.parametrize("metric_id", plugins.REPLACED_METRICS)
def test_dropped_metric_names_its_replacement(metric_id):
    replacement = plugins.REPLACED_METRICS[metric_id]
    assert replacement in METRIC_REGISTRY
    assert f"is dropped; write `{replacement}`" in plugins.explain_missing_metric(metric_id)


ROOT = Path(__file__).parents[3]


def test_a_training_uses_the_module_of_its_method_or_else_of_its_family():
    assert get_training_module({"family": "sam3"}) == "samgap.training.sam3"
    assert get_training_module({"family": "sam3", "method": "sam3-dense"}) == "samgap.demo_models.sam3_dense"


def test_every_method_of_the_demos_trainings_has_a_module():
    config = yaml.safe_load((ROOT / "config" / "demo-models.yaml").read_text(encoding="utf-8"))
    methods = {training["method"] for training in config["trainings"].values() if "method" in training}
    assert methods and methods <= set(list_plugins(ROOT, "demo_models")) == {
        "sam3-dense",
        "sam3-interactive",
        "sam3-match",
    }
