"""Figures and tables on the page: order, captions, images, embedded tables and sources."""

import base64
import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samgap.paper import grid, page_entries
from samgap.paper.page_entries import Entry
from tests.helpers.pages import Page


def make_entry(number, id="one", section="figures", **changed):
    return Entry(section, id, number, "A title", "A caption.", Path("results/try/paper") / section, **changed)


def test_entries_have_the_order_of_the_paper_and_then_that_of_the_configuration():
    numbers = [
        "beyond the paper",
        "Table 2",
        "Figure 2 c, d",
        "Figure 10",
        "Figure 2 a, b",
        "none",
        "Table 1",
        "Figure 1",
    ]
    ordered = page_entries.sort_entries([make_entry(number) for number in numbers])
    assert [entry.number for entry in ordered] == [
        *("Figure 1", "Figure 2 a, b", "Figure 2 c, d", "Figure 10", "Table 1", "Table 2"),
        *("beyond the paper", "none"),
    ]


def test_a_heading_has_the_number_of_the_paper_alone():
    assert make_entry("Figure 2 c, d").heading == "Figure 2 c, d. A title"
    assert make_entry("beyond the paper").heading == "A title"


def test_figures_and_tables_of_the_paper_without_an_entry_are_listed():
    entries = [make_entry(f"Figure {number}") for number in (1, 3, 4, 5, 6, 8)] + [make_entry("Table 4")]
    missing = page_entries.list_missing_numbers([*entries, make_entry("Figure 2 a, b"), make_entry("beyond the paper")])
    assert missing == ["Figure 7", "Table 1", "Table 2", "Table 3"]


def test_a_caption_is_paragraphs_lists_and_code():
    html = page_entries.render_caption("Boxes < words\nof ``iou``.\n\nMarks:\n- one `x`\n- two\n")
    assert html == (
        "<p>Boxes &lt; words of <code>iou</code>.</p>\n<p>Marks:</p>\n<ul><li>one <code>x</code></li><li>two</li></ul>"
    )


def test_rows_are_described_by_data_models_and_prompts(tmp_path):
    (tmp_path / "one.csv").write_text("dataset,model,prompts\na,m,box\na,n,box\nb,,\n", encoding="utf-8")
    entry = Entry("tables", "one", "none", "Title", "Caption.", tmp_path)
    text = page_entries.describe_rows(entry, {"m": {"label": "Model M"}}, {"a": 1200})
    assert text == "Data: a (1,200 images), b. Models: Model M, n. Prompts: box. Rows: 3."
    (tmp_path / "one.csv").write_text("instance_id\n5\n", encoding="utf-8")
    text = page_entries.describe_rows(dataclasses.replace(entry, dataset="a"), {}, {"a": 60})
    assert text == "Data: a (60 images). Rows: 1."
    (tmp_path / "one.csv").write_text("dataset,model\n", encoding="utf-8")
    assert page_entries.describe_rows(entry, {}, {}) == "No data: this run has no row for it."


def decode(uri):
    head, _, data = uri.partition(";base64,")
    return head, Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_wide_drawing_is_a_png_of_1600_px(tmp_path):
    pixels = np.full((500, 2000, 3), 255, np.uint8)
    pixels[:, :1000] = (0, 114, 178)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    head, image = decode(page_entries.encode_image(tmp_path / "a.png"))
    assert head == "data:image/png" and image.size == (1600, 400)
    assert image.getpixel((100, 200)) == (0, 114, 178) and image.getpixel((1500, 200)) == (255, 255, 255)


def test_a_photograph_is_a_jpeg_and_transparent_pixels_are_white(tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (200, 300, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    head, image = decode(page_entries.encode_image(tmp_path / "a.png"))
    assert head == "data:image/jpeg" and image.size == (300, 200)
    Image.new("RGBA", (40, 30), (0, 0, 0, 0)).save(tmp_path / "b.png")
    head, image = decode(page_entries.encode_image(tmp_path / "b.png"))
    assert head == "data:image/png" and image.getpixel((5, 5)) == (255, 255, 255)
    assert page_entries.encode_image(tmp_path / "a.png") == page_entries.encode_image(tmp_path / "a.png")


@pytest.fixture
def document():
    links = [("claims.parquet", "../../claims/claims.parquet"), ("S", "https://example.org/a")]
    rows = [[grid.Cell("a & b", links=links), grid.Cell("0.5", "0.4, 0.6")]] * 3
    blocks = [grid.Block("Few", ["x", "y"], 1, rows), grid.Block("Many", ["x", "y"], 1, rows * 20)]
    return grid.render_html(
        grid.PaperTable("t", "The title", blocks, [("a", "A note.")], ["See https://example.org/b."])
    )


def test_a_table_is_embedded_with_links_relative_to_the_page(document):
    html = page_entries.embed_table(document, "tables")
    page = Page(html)
    assert page.errors == [] and "The title" not in html and "<style" not in html
    assert set(page.links) == {"../claims/claims.parquet", "https://example.org/a", "https://example.org/b"}
    assert "a &amp; b" in html and "(a) A note." in page.text
    assert "<h4>Few</h4>" in html and "<summary>Many (rows: 60)</summary>" in html
    assert page_entries.embed_table(document, "tables", max_open_rows=0).count("<details>") == 2


def test_sources_are_links_relative_to_the_page():
    entry = make_entry(
        "Figure 1", sources=["results/try/statistics/estimates.parquet", "resources/datasets/a/images.parquet"]
    )
    html = page_entries.render_sources(entry, Path("results/try/paper"))
    assert Page(html).links == ["../statistics/estimates.parquet", "../../../resources/datasets/a/images.parquet"]
    assert page_entries.render_sources(make_entry("Figure 1"), Path("results/try/paper")) == ""


def test_a_source_in_a_package_is_text():
    entry = make_entry("Figure 1", sources=[" sam2 1.1.0", "sam2/modeling/sam2_base.py: SAM2Base"])
    page = Page(page_entries.render_sources(entry, Path("results/try/paper")))
    assert page.links == [] and page.text == "Sources of its rows: 2 sam2 1.1.0 sam2/modeling/sam2_base.py: SAM2Base"
