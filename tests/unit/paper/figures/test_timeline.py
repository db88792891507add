import pytest
import yaml

from samgap.errors import UserError
from samgap.paper.figures import FigureRequest
from samgap.tables.statistics import ESTIMATES
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS, PUBLISHED, draw, list_gids, list_texts, make_estimates, save_figure


def make_cells(old, new):
    return {"old": {"state": old, "source": "S1R README"}, "new": {"state": new, "source": "sam3/model/x.py: A"}}


FACTS = {
    "models": [
        {"id": "old", "label": "Old", "released": "2023-04-05", "source": "S1P"},
        {"id": "new", "label": "New", "released": "2025-11-19", "source": "S3R README"},
    ],
    "capabilities": [
        {"id": "box", "label": "box", "cells": make_cells("native", "native"), "tested": [
            {"model": "old", "family": "sam2", "prompts": ["box", "point-box"]},
            {"model": "new", "family": "sam3", "prompts": ["box"]}]},
        {"id": "phrase", "label": "phrase", "cells": make_cells("external", "native"), "tested": [
            {"model": "new", "family": "sam3", "prompts": ["concepts"], "metrics": ["pmf1"]}]},
        {"id": "presence", "label": "presence", "cells": make_cells("absent", "native"), "tested": [
            {"model": "new", "family": "sam3", "prompts": ["concepts"], "metrics": ["il-mcc"]}]},
    ],
}  # fmt: skip


@pytest.fixture
def make_request(tmp_path):
    """Function that writes estimates and facts, and returns the request."""

    def make(facts=FACTS, names=None):
        ESTIMATES.write(tmp_path / "estimates.parquet", make_estimates(*([names] if names else [])))
        (tmp_path / "facts.yaml").write_text(yaml.safe_dump(facts), encoding="utf-8")
        inputs = {"estimates": str(tmp_path / "estimates.parquet")}
        return FigureRequest("timeline", inputs, {"facts": str(tmp_path / "facts.yaml")}, MODELS)

    return make


def test_a_cell_is_ticked_if_the_run_has_a_value_for_it(make_request):
    output = draw(make_request())
    cells = output.rows[output.rows["capability"] != "released"].set_index(["capability", "model"])
    # SAM3 has no box prompts in this run, and its IL-MCC is not evaluable.
    assert cells.index[cells["tested"].astype(bool)].tolist() == [("box", "old"), ("phrase", "new")]
    assert cells.loc[("box", "old"), ["experiments", "tested_models", "prompts"]].tolist() == [
        "spatial-prompts",
        "sam2-demo",
        "box;point-box",
    ]
    assert list_gids(output.figure).count("tested") == 2 + 1  # and one in the legend


def test_cells_and_dates_have_the_letters_of_their_sources(make_request):
    rows = draw(make_request()).rows
    sources = rows.assign(publication=rows["source"].str.split(" ").str[0]).groupby("letter")["publication"].unique()
    assert {letter: list(names) for letter, names in sources.items()} == {
        "a": ["S1P"],
        "b": ["S3R"],
        "c": ["S1R"],
        "d": ["sam3/model/x.py:"],
    }


def test_dates_are_on_the_axis_and_in_the_header(make_request):
    texts = list_texts(draw(make_request()).figure)
    assert [text for text in texts if text.isdigit()] == ["2023", "2024", "2025", "2026"]
    assert "04/2023 a" in texts and "11/2025 b" in texts


def test_only_ticks_of_demo_models_mark_the_figure_as_demo(make_request, tmp_path):
    assert "demo-stamp" in save_figure(make_request(), tmp_path / "a")["svg"].read_text(encoding="utf-8")
    published = save_figure(make_request(names=PUBLISHED), tmp_path / "b")["svg"].read_text(encoding="utf-8")
    assert "demo-stamp" not in published and published.count('id="tested') == 3


def test_no_text_overlaps_or_is_cut(make_request):
    check_texts(draw(make_request()).figure)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda facts: facts["capabilities"][0]["cells"].pop("old"), "the cells of box are not those of"),
        (lambda facts: facts["capabilities"][1]["tested"][0].update(model="nwe"), "names 'nwe', which is none"),
    ],
)
def test_a_cell_of_an_unknown_model_is_an_error(make_request, change, message):
    facts = yaml.safe_load(yaml.safe_dump(FACTS))
    change(facts)
    with pytest.raises(UserError, match=message):
        draw(make_request(facts))


def test_the_figure_looks_like_its_reference_image(make_request, check_image):
    check_image(draw(make_request()).figure, "timeline")
