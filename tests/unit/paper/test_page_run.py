"""The head of the page: code, the mark of demo models, data, models, and the claims."""

import pytest

from samgap.paper import page_run
from samgap.paper.tables import TableRequest
from samgap.tables.claims import CLAIMS
from tests.helpers.pages import Page

CONFIG = {
    "datasets": {"a": {"exhaustive": False}, "b": {}},
    "models": {
        "m": {"label": "Model M", "family": "sam2", "demo": True},
        "n": {"family": "sam3"},
        "both": {"label": "Both", "family": "grounded", "detector": "n", "segmenter": "m"},
    },
}
DATASET = {"kind": "coco", "n_images": 1000, "n_instances": 5, "n_groups": 20, "images_sha256": 64 * "0"}


def list_cells(html):
    """Return the texts of each row of the tables in some HTML."""
    rows = [row.partition("</tr>")[0] for row in html.split("<tr>")[1:]]
    return [
        [Page(cell.partition("</t")[0]).text for cell in row.replace("<th>", "<td>").split("<td>")[1:]] for row in rows
    ]


@pytest.mark.parametrize(
    ("commit", "clean", "text"),
    [
        ("abc", True, "commit abc; hash of the package 123456789012"),
        ("abc", False, "commit abc, with changes that are not committed; hash of the package 123456789012"),
        (None, None, "not a git checkout; hash of the package 123456789012"),
    ],
)
def test_the_code_is_a_commit_and_a_hash(commit, clean, text):
    assert page_run.describe_code({"commit": commit, "clean": clean, "package": "1234567890123456"}) == text


def test_a_run_of_demo_models_is_marked():
    mark = page_run.render_demo_mark(CONFIG["models"], ["both", "m", "n"])
    assert mark.startswith('<p class="demo">Demo: the models Both, Model M are small models')
    assert page_run.render_demo_mark(CONFIG["models"], ["n"]) == ""


def test_data_sets_and_models_have_their_numbers_and_checksums():
    cards = [
        {**DATASET, "dataset": "a", "left_out": {"empty": 2, "twice": 1}},
        {**DATASET, "dataset": "b", "kind": "<b>"},
    ]
    checkpoints = [
        {"model": "m", "source": "https://host/m.pt", "status": "available", "why": None, "sha256": 64 * "f"},
        {"model": "n", "source": "none", "status": "unavailable", "why": "no network", "sha256": None},
    ]
    html = page_run.render_inputs(CONFIG, cards, checkpoints)
    assert Page(html).errors == []
    lost = "not exhaustive; 3 annotations could not be used"
    assert list_cells(html)[1:3] == [
        ["a", "coco", "1,000", "5", "20", lost, 12 * "0"],
        ["b", "<b>", "1,000", "5", "20", "exhaustive", 12 * "0"],
    ]
    assert list_cells(html)[4:] == [
        ["Model M", "m", "sam2", "https://host/m.pt", "available", 12 * "f"],
        ["n", "n", "sam3", "none needed", "unavailable: no network", "–"],
    ]


def make_claim_row(**changed):
    row = {"id": "one", "section": "§3.2", "kind": "structural", "reason": "prompts", "wording": "It is so."}
    row |= {"verdict": "confirmed", "value": 0.5, "ci_low": 0.4, "ci_high": 0.6, "unit": "IoU", "n": 60, "bound": None}
    row |= {"checks": ["estimate"], "evidence": ["iou = 0.5"], "sources": [], "run": "try", "demo": False}
    row |= {"source": "results/try/statistics/estimates.parquet", "addresses": ["Paper: https://example.org/a"]}
    return {**row, **changed}


def test_claims_are_counted_and_listed_by_section_with_links(tmp_path):
    path = tmp_path / "claims.parquet"
    rows = [make_claim_row(), make_claim_row(id="two", section="Abstract", verdict="refuted", kind="data")]
    CLAIMS.write(path, [*rows, make_claim_row(id="three", verdict="not testable: no interval", wording="A < B.")])
    summary, sections = page_run.render_claims(TableRequest("claims", {"claims": path}, {}, {}, {}, {}))
    assert Page(summary).errors == Page(sections).errors == []
    assert "3 claims: 1 confirmed, 0 as the source says, 0 partly, 1 refuted, 0 open, 1 not testable." in summary
    rows = list_cells(summary)
    assert ["structural", "1", "0", "0", "0", "0", "1", "2"] in rows and [
        "data",
        "0",
        "0",
        "0",
        "1",
        "0",
        "0",
        "1",
    ] in rows
    assert ["prompts", "1", "0", "0", "1", "0", "1", "3"] in rows
    assert sections.index("<summary>Abstract (rows: 1)") < sections.index("<summary>§3.2 (rows: 2)")
    assert set(Page(sections).links) == {"../statistics/estimates.parquet", "https://example.org/a"}
    assert "A &lt; B." in sections
