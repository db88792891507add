import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import pandas as pd
import pytest

import samgap.paper.figures
import samgap.paper.tables
from samgap.paper import captions, render
from samgap.paper.figures import FigureRequest
from samgap.paper.tables import TableRequest
from tests.helpers.paper import MODELS, make_estimates, save_figure, save_table
from tests.helpers.result_tables import results_request

ROOT = Path(__file__).parents[3]

FIGURE = '''"""One bar for each model."""

import pandas as pd
from matplotlib.figure import Figure

from samgap.paper.figures import FigureOutput, FigureRequest


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw a bar for each model of the entry."""
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().bar(request.entry["models"], 1)
    return FigureOutput(figure, pd.DataFrame({"model": request.entry["models"]}), request.entry["models"])
'''
TABLE = '''"""One row for each model."""

import pandas as pd

from samgap.paper.grid import Block, Cell
from samgap.paper.tables import TableOutput, TableRequest


def build_table(request: TableRequest) -> TableOutput:
    """Return a row for each model."""
    rows = [[Cell(model)] for model in request.models]
    return TableOutput(pd.DataFrame({"model": list(request.models)}), [Block("Models", ["model"], 1, rows)])
'''


@pytest.fixture
def new_figure(tmp_path, monkeypatch):
    """Add a module `own_bars` to the package of figures."""
    (tmp_path / "own_bars.py").write_text(FIGURE, encoding="utf-8")
    monkeypatch.setattr(samgap.paper.figures, "__path__", [*samgap.paper.figures.__path__, str(tmp_path)])
    yield tmp_path / "own_bars.py"
    sys.modules.pop("samgap.paper.figures.own_bars", None)


@pytest.mark.parametrize(("model", "is_demo"), [("sam2-demo", True), ("sam3", False)])
def test_one_module_is_a_figure(new_figure, tmp_path, model, is_demo):
    request = FigureRequest("own-bars", {}, {"models": [model]}, MODELS)
    files = save_figure(request, tmp_path / "out")
    assert pd.read_csv(files["rows"])["model"].tolist() == [model]
    assert ("demo-stamp" in files["svg"].read_text(encoding="utf-8")) == is_demo
    assert files["pdf"].read_bytes().startswith(b"%PDF")
    assert captions.read_caption(new_figure) == "One bar for each model."


def test_the_users_matplotlib_settings_have_no_effect_on_a_figure(new_figure, tmp_path):
    request = FigureRequest("own-bars", {}, {"models": ["sam3"]}, MODELS)
    plain = save_figure(request, tmp_path / "plain")["svg"].read_bytes()
    with matplotlib.rc_context({"axes.grid": True, "svg.fonttype": "path"}):
        assert save_figure(request, tmp_path / "own")["svg"].read_bytes() == plain


def test_one_module_is_a_table(tmp_path, monkeypatch):
    (tmp_path / "own_models.py").write_text(TABLE, encoding="utf-8")
    monkeypatch.setattr(samgap.paper.tables, "__path__", [*samgap.paper.tables.__path__, str(tmp_path)])
    entry = {"title": "All models", "number": "Table 9"}
    files = save_table(TableRequest("own-models", {}, entry, {"sam3": {}}, {}, {}), tmp_path / "out")
    sys.modules.pop("samgap.paper.tables.own_models", None)
    assert files["md"].read_text(encoding="utf-8").startswith("# All models (Table 9)")
    assert r"\label{tab:own-models}" in files["tex"].read_text(encoding="utf-8")
    assert pd.read_csv(files["csv"])["model"].tolist() == ["sam3"]


@pytest.mark.parametrize("section", ["figures", "tables"])
def test_every_module_of_the_package_has_an_entry_function_and_a_caption(section):
    files = sorted((ROOT / "src/samgap/paper" / section).glob("[!_]*.py"))
    assert files
    for file in files:
        load = render.load_figure if section == "figures" else render.load_table
        assert callable(load(file.stem.replace("_", "-")))
        assert captions.read_caption(file)


def test_the_package_imports_neither_torch_nor_snakemake():
    modules = [
        ".".join(file.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
        for file in (ROOT / "src/samgap/paper").rglob("*.py")
    ]
    code = f"import sys, {', '.join(modules)}; print({{'torch', 'snakemake'}} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=environment, check=True
    )
    assert process.stdout.strip() == "set()"


@pytest.mark.parametrize("suffix", ["md", "tex", "html"])
def test_a_table_states_the_lost_labels_and_warnings_of_its_data_sets(tmp_path, suffix):
    cards = {}
    for dataset in ("orchard-sim-test", "other"):
        cards[dataset] = tmp_path / dataset / "dataset.json"
        cards[dataset].parent.mkdir()
        card = {"dataset": dataset, "n_annotations_read": 40, "left_out": {"with no box are left out": 2}}
        card["warnings"] = ["photographs read as stored (2)", "others (1)", "labels.json: no box", "fourth"]
        cards[dataset].write_text(json.dumps(card), encoding="utf-8")
    request = results_request(make_estimates(), tmp_path)
    request = replace(request, inputs={**request.inputs, "datasets": list(map(str, cards.values()))})
    text = save_table(request, tmp_path / "out")[suffix].read_text(encoding="utf-8")
    assert "Data set orchard-sim-test: 2 of 40 annotations could not be used: 2 with no box are left out." in text
    assert (
        "Data set orchard-sim-test, warnings: photographs read as stored (2); others (1); labels.json: no box; and 1 "
        "more in dataset.json"
    ) in text
    assert "Data set other" not in text
