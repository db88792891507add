"""Plug-ins by id, listed from their files without an import."""

import re
from pathlib import Path

import pytest

from samgap.config import module_literals, plugins
from samgap.errors import UserError


def write(root: Path, name: str, text: str = "") -> Path:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
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


def test_a_metric_with_variants_has_one_id_for_each(tmp_path):
    write(tmp_path, "f1.py", "VARIANTS = ('50', '75')\nMETRICS = {}\n")
    write(tmp_path, "boundary_iou.py", "METRICS = {}\n")
    write(tmp_path, "row_masks.py")
    assert module_literals.list_metrics(tmp_path) == {
        "boundary-iou": ("boundary_iou", ""),
        "f1-50": ("f1", "50"),
        "f1-75": ("f1", "75"),
    }


def test_literals_are_read_and_other_values_are_not(tmp_path):
    file = write(tmp_path, "x.py", "A: int = 3\nB = open('b')\nC = {'d': (1, 2)}\nD = E = 4\n")
    assert module_literals.read_literals(file, "A", "B", "C", "E", "Z") == {"A": 3, "C": {"d": (1, 2)}, "E": 4}


def test_the_module_of_an_id():
    assert module_literals.to_module_name("boundary-f-2px") == "boundary_f_2px"
