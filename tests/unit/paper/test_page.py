"""The page of a run: its order, images, tables, links and marks; it loads nothing."""

import dataclasses

import pandas as pd
import pytest
from PIL import Image

from samgap.paper import grid
from samgap.paper.page import PageRequest, render_page
from samgap.paper.page_entries import Entry
from samgap.paper.tables import TableRequest
from samgap.tables.claims import CLAIMS
from tests.helpers.pages import Page
from tests.unit.paper.test_page_run import CONFIG, DATASET, make_claim_row

NUMBERS = {"drawing": "Figure 5", "extra": "beyond the paper", "first": "Figure 2 a, b"}


@pytest.fixture
def request_page(tmp_path):
    """A request with three figures and two tables, in another order than that of the paper."""
    entries = []
    for section, numbers in (("figures", NUMBERS), ("tables", {"cells": "Table 3", "claims": "beyond the paper"})):
        folder = tmp_path / section
        folder.mkdir()
        for id, number in numbers.items():
            caption = f"Caption of {id} & more. Second sentence."
            sources = [str(tmp_path.parent / "statistics/estimates.parquet")]
            entries.append(Entry(section, id, number, f"Title of {id}", caption, folder, sources))
            rows = pd.DataFrame({"dataset": ["a"], "model": ["m"]})
            (rows.head(0) if id == "extra" else rows).to_csv(folder / f"{id}.csv", index=False)
            Image.new("RGB", (60, 40), "white").save(folder / f"{id}.png")
            block = grid.Block("Heading", ["x"], 1, [[grid.Cell(f"cell of {id}")]])
            (folder / f"{id}.html").write_text(grid.render_html(grid.PaperTable(id, id, [block])), encoding="utf-8")
    CLAIMS.write(tmp_path / "claims.parquet", [make_claim_row()])
    return PageRequest(
        config={**CONFIG, "run": "try & see", "seed": 42},
        folder=tmp_path,
        entries=entries,
        code={"commit": "abc", "clean": True, "package": 20 * "0"},
        datasets=[{**DATASET, "dataset": "a"}],
        checkpoints=[{"model": "m", "source": "m.pt", "status": "available", "why": None, "sha256": 64 * "f"}],
        plan=grid.PaperTable("plan", "Plan", [grid.Block("Matrix", ["x"], 1, [[grid.Cell("planned")]])]),
        claims=TableRequest("claims", {"claims": tmp_path / "claims.parquet"}, {}, {}, {}, {}),
    )


def test_the_page_is_well_formed_and_loads_nothing(request_page):
    page = Page(render_page(request_page))
    assert page.errors == []
    assert len(page.loaded) == 3 and all(address.startswith("data:image/png;base64,") for address in page.loaded)
    assert len(set(page.anchors)) == len(page.anchors)
    assert {address[1:] for address in page.links if address.startswith("#")} <= set(page.anchors)


def test_figures_and_tables_have_the_order_of_the_paper(request_page):
    page = Page(render_page(request_page))
    shown = [anchor for anchor in page.anchors if "-" in anchor]
    assert shown == ["figures-first", "figures-drawing", "tables-cells", "figures-extra", "tables-claims"]
    others = [anchor for anchor in page.anchors if "-" not in anchor]
    assert others == ["inputs", "verdicts", "claims", "paper", "plan"]


def test_each_entry_has_its_caption_files_rows_and_sources(request_page):
    page = Page(render_page(request_page))
    assert page.images[0]["alt"] == "Figure 2 a, b. Title of first. Caption of first & more."
    assert "Caption of cells & more. Second sentence." in page.text and "cell of cells" in page.text
    assert "Data: a (1,000 images). Models: Model M. Rows: 1." in page.text
    for name in ("figures/first.csv", "figures/first.svg", "figures/first.pdf", "tables/cells.csv", "tables/cells.tex"):
        assert name in page.links
    assert page.links.count("../statistics/estimates.parquet") >= 5
    assert page.links.count("../manifest.json") == 6


def test_an_entry_without_rows_and_numbers_without_an_entry_say_no_data(request_page):
    text = Page(render_page(request_page)).text
    assert text.count("No data: this run has no row for it.") == 1
    missing = "Figure 1, Figure 3, Figure 4, Figure 6, Figure 7, Figure 8, Table 1, Table 2, Table 4"
    assert f"No data: the configuration of this run has no entry for {missing}." in text


def test_the_head_says_what_the_run_is(request_page):
    text = Page(render_page(request_page)).text
    assert "run try & see" in text and "Seed 42; commit abc; hash of the package 000000000000." in text
    assert "Demo: the models Model M are small models" in text and "planned" in text


def test_claims_are_shown_once(request_page):
    text = Page(render_page(request_page)).text
    assert text.count("It is so.") == 1 and "cell of claims" not in text
    text = Page(render_page(dataclasses.replace(request_page, claims=None))).text
    assert "It is so." not in text and "Verdicts" not in text and "cell of claims" in text


def test_the_same_inputs_give_the_same_bytes(request_page):
    assert render_page(request_page) == render_page(request_page)
