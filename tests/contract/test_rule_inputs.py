"""The input files that rules/functions/paper.smk gives to a figure or a table."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.io import expand

ROOT = Path(__file__).parents[2]
FUNCTIONS = (ROOT / "rules/functions/paper.smk").read_text(encoding="utf-8")


def load_functions(root: Path, **sections: Any) -> dict[str, Any]:
    """Return the names that the rules file defines, for a repository in `root` and a configuration."""
    config = {"trainings": {"first": {}, "second": {}}, **sections}
    names: dict[str, Any] = {"config": config, "ROOT": root}
    exec(compile(FUNCTIONS, "paper.smk", "exec"), names)
    return names


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for section, inputs in (("figures", "INPUTS = ('comparisons', 'confusions', 'estimates')"), ("tables", "")):
        folder = tmp_path / "src/samgap/paper" / section
        folder.mkdir(parents=True)
        (folder / "mine.py").write_text(f"{inputs}\n", encoding="utf-8")
        (folder / "history.py").write_text("INPUTS = ('history', 'comparisons')\n", encoding="utf-8")
    return tmp_path


def test_a_figure_gets_the_tables_that_its_module_declares(root):
    function = load_functions(root, figures={"mine": {}})["figure_input"]
    assert function(SimpleNamespace(figure="mine", run="try")) == {
        "comparisons": "results/try/statistics/comparisons.parquet",
        "confusions": "results/try/statistics/confusions.parquet",
    }


@pytest.mark.parametrize(("entry", "trainings"), [({}, ["first", "second"]), ({"trainings": ["second"]}, ["second"])])
def test_history_is_that_of_the_trainings_in_the_entry(root, entry, trainings):
    names = load_functions(root, figures={"history": entry}, tables={"history": entry})
    history = [f"results/try/training/{training}/history.parquet" for training in trainings]
    figure = names["figure_input"](SimpleNamespace(figure="history", run="try"))
    assert figure == {"history": history, "comparisons": "results/try/statistics/comparisons.parquet"}
    # The rule `table` has the comparisons already.
    assert names["table_input"](SimpleNamespace(table="history", run="try")) == {"history": history}


CELLS = {
    "words": {"datasets": ["orchard", "field"], "models": ["sam3"], "prompts": ["concepts"]},
    "boxes": {"datasets": ["orchard"], "models": ["sam2"], "prompts": ["box"]},
    "not-drawn": {"datasets": ["orchard"], "models": ["sam2"], "prompts": ["point"]},
}


@pytest.mark.parametrize(
    ("dataset", "cells"),
    [
        (
            None,
            [
                "field/model=sam3/prompts=concepts",
                "orchard/model=sam2/prompts=box",
                "orchard/model=sam3/prompts=concepts",
            ],
        ),
        ("field", ["field/model=sam3/prompts=concepts"]),
    ],
)
def test_tables_of_cells_are_the_shards_of_the_experiments_drawn(root, dataset, cells):
    module = root / "src/samgap/paper/figures/cells.py"
    module.write_text("INPUTS = ('pairs', 'timing')\n", encoding="utf-8")
    entry = {"experiments": ["words", "boxes"], **({"dataset": dataset} if dataset else {})}
    names = load_functions(root, figures={"cells": entry}, experiments=CELLS)
    names["shard_names"] = lambda dataset: ["000", "001"]
    shards = [f"dataset={cell}/shard={shard}" for cell in cells for shard in ("000", "001")]
    assert names["declared_input"]("figures", "cells", "try", given=["estimates"]) == {
        "pairs": [f"results/try/matching/{shard}/pairs.parquet" for shard in shards],
        "timing": [f"results/try/predictions/{shard}/timing.parquet" for shard in shards],
    }


def test_a_figure_gets_the_timings_and_matches_of_its_lanes(root):
    cell = {"dataset": "orchard", "model": "small", "prompts": "box"}
    names = load_functions(root, figures={"mine": {"lanes": {"spatial": cell}}})
    names |= {"shard_names": lambda dataset: ["000", "001"], "expand": expand}
    inputs = names["lane_input"](SimpleNamespace(figure="mine", run="try"))
    folder = "dataset=orchard/model=small/prompts=box"
    assert inputs == {
        "spatial_timing": [f"results/try/predictions/{folder}/shard={n}/timing.parquet" for n in ("000", "001")],
        "spatial_pairs": [f"results/try/matching/{folder}/shard={n}/pairs.parquet" for n in ("000", "001")],
    }
    assert inputs.items() <= names["figure_input"](SimpleNamespace(figure="mine", run="try")).items()


def test_a_table_without_inputs_gets_no_more(root):
    assert load_functions(root, tables={"mine": {}})["table_input"](SimpleNamespace(table="mine", run="try")) == {}


def test_no_parameter_searches_the_whole_configuration_for_each_job():
    """Snakemake's `lookup` walks all of it: half of the time of planning 1,000 jobs."""
    rules = [file.read_text(encoding="utf-8") for file in (ROOT / "rules").rglob("*.smk")]
    assert rules and not any("lookup(" in text for text in rules)
