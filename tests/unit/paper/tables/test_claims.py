"""The table of claims: counts of verdicts, sections in order, and the evidence of each claim."""

import csv
import dataclasses

import pytest

from samgap.claims.decide import decide_claims
from samgap.paper.render import load_table
from samgap.paper.tables import TableRequest
from samgap.tables.claims import CLAIMS, REASONS, VERDICTS
from tests.helpers.claims import PATHS, load_run_claims, make_claim, make_data, make_package_data
from tests.helpers.paper import save_table
from tests.helpers.tex import compile_tex, needs_tex
from tests.unit.claims.test_decide import CLASS, IOU, LAYERS, QUOTED

DEMO = {"one": {"label": "One", "demo": True}}


@pytest.fixture
def request_claims(tmp_path):
    """A request with six claims, one of them decided by a demo model."""
    claims = [
        make_claim(
            {**IOU, "at-least": 0.7}, id="measured", section="README", kind="behavioural", wording="It scores 0.7."
        ),
        make_claim({**LAYERS, "equals": 6}, id="six", section="§3.2", wording="It has six layers.", sources=["B §1"]),
        make_claim({**LAYERS, "equals": 7}, id="seven", section="§3.2", wording="It has seven layers."),
        make_claim(CLASS, {**LAYERS, "equals": 7}, id="half", section="§3.1", wording="It is a ViT of seven layers."),
        make_claim(QUOTED, id="quoted", section="Abstract", kind="data", reason="data", wording="It is so."),
        make_claim(
            {**IOU, "metric": "dice", "at-least": 0.7}, id="unmeasured", section="Table 1", wording="Dice is 0.7."
        ),
    ]
    path = tmp_path / "claims.parquet"
    CLAIMS.write(path, decide_claims(claims, make_data(demo_models=["one"]), PATHS, "try"))
    entry = {"number": "beyond the paper", "title": "Claims"}
    return TableRequest("claims", {"claims": path}, entry, DEMO, {}, {})


def build(request):
    return load_table("claims")(request)


def test_verdicts_are_counted_by_kind_and_by_reason(request_claims):
    by_kind, by_reason = build(request_claims).blocks[:2]
    assert by_kind.columns == ["kind", *VERDICTS, "claims"]
    counts = {row[0].text: [int(cell.text) for cell in row[1:]] for row in by_kind.rows}
    # confirmed, as the source says, partly, refuted, open, not testable, all
    assert counts["structural"] == [1, 0, 1, 1, 0, 1, 4]
    assert counts["behavioural"] == [1, 0, 0, 0, 0, 0, 1]
    assert counts["data"] == [0, 1, 0, 0, 0, 0, 1]
    assert counts["numerical"] == [0] * 7
    assert counts["all"] == [2, 1, 1, 1, 0, 1, 6]
    assert [row[0].text for row in by_reason.rows] == [*REASONS, "all"]


def test_sections_have_the_order_of_the_paper(request_claims):
    output = build(request_claims)
    assert [block.heading for block in output.blocks[2:]] == ["Abstract", "§3.1", "§3.2", "Table 1", "README"]
    assert [row[0].text for row in output.blocks[4].rows] == ["It has six layers.", "It has seven layers."]


def test_a_row_has_verdict_value_interval_and_evidence(request_claims):
    output = build(request_claims)
    rows = {row[0].text: row for block in output.blocks[2:] for row in block.rows}
    measured = rows["It scores 0.7."]
    assert [cell.text for cell in measured[1:6]] == ["behavioural", "prompts", "confirmed", "0.8", "IoU"]
    assert measured[4].interval == "0.75, 0.85" and measured[3].footnote == "a"
    assert "demo model" in output.footnotes[0][1]
    assert rows["It has six layers."][6].text == (
        "sam9 9.0, sam9, sam9/model.py: encoder.layers = 6 layers (claimed: = 6 layers) (see also paper B, §1)"
    )
    half = rows["It is a ViT of seven layers."][6].text
    assert half.startswith("confirmed: ") and " · refuted: " in half
    unmeasured = rows["Dice is 0.7."]
    assert unmeasured[3].text == "not testable" and unmeasured[4].text == "–"
    assert unmeasured[6].text == "the experiment boxes does not measure dice"


def test_the_remarks_name_tables_and_addresses(request_claims):
    remarks = build(request_claims).remarks
    assert remarks[0] == ("6 claims: 2 confirmed, 1 as the source says, 1 partly, 1 refuted, 0 open, 1 not testable.")
    assert f"Tables of the evidence: {PATHS['estimates']}, {PATHS['inventory']}." in remarks
    assert "Value: of the first check with the verdict of the claim [95 % confidence interval]." in remarks
    other = build(dataclasses.replace(request_claims, confidence=0.9)).remarks
    assert "Value: of the first check with the verdict of the claim [90 % confidence interval]." in other
    assert {"Source: paper A: here", "Source: paper B: there"} <= set(remarks)


def test_the_files_hold_every_claim(request_claims, tmp_path):
    files = save_table(request_claims, tmp_path / "out")
    with files["csv"].open(encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert rows["half"]["verdict"] == "partly" and rows["half"]["checks"] == "attribute | attribute"
    assert rows["measured"]["source"] == f"{request_claims.inputs['claims']};{PATHS['estimates']}"
    assert rows["quoted"]["source"] == str(request_claims.inputs["claims"])
    assert rows["unmeasured"]["verdict"] == "not testable: the experiment boxes does not measure dice"
    latex = files["tex"].read_text(encoding="utf-8")
    assert r"\begin{longtable}{>{\raggedright\arraybackslash}p{0.18\linewidth}" in latex
    assert latex.count("paper A: here") == 1, "the sources are listed once"
    assert "not the published checkpoints" in files["md"].read_text(encoding="utf-8")
    assert "It is a ViT of seven layers." in files["html"].read_text(encoding="utf-8")


def test_the_evidence_links_to_the_tables_and_publications(request_claims, tmp_path):
    rows = {row[0].text: row for block in build(request_claims).blocks[2:] for row in block.rows}
    assert rows["It scores 0.7."][6].links == [("estimates.parquet", "../../estimates.parquet")]
    assert rows["It is so."][6].links == [], "the source has no address"
    sources = {
        "A": {"name": "paper A", "title": "A", "where": "https://example.org/a", "version": "v. 1"},
        "B": {"name": "code B", "title": "B", "where": "https://github.com/b/b", "version": "0123abc"},
    }
    claim = make_claim(QUOTED, {**LAYERS, "equals": 6}, sources=["B §1"])
    rows = decide_claims([claim], make_data(sources=sources), PATHS, "try")
    CLAIMS.write(tmp_path / "linked.parquet", rows)
    request = dataclasses.replace(request_claims, inputs={"claims": tmp_path / "linked.parquet"})
    html = save_table(request, tmp_path / "out")["html"].read_text(encoding="utf-8")
    assert '<a href="https://example.org/a">paper A</a>' in html
    assert '<a href="https://github.com/b/b/tree/0123abc">code B</a>' in html
    assert '<a href="../../inventory.parquet">inventory.parquet</a>' in html


@needs_tex
def test_the_claims_of_the_packages_compile_with_tex(tmp_path):
    """All characters of the real evidence, such as Chinese ones, and rows that continue over pages."""
    section = load_run_claims()
    path = tmp_path / "claims.parquet"
    CLAIMS.write(path, decide_claims(section["statements"], make_package_data(), PATHS, "try"))
    request = TableRequest("claims", {"claims": path}, {"number": "1", "title": "Claims"}, {}, {}, {})
    table = save_table(request, tmp_path / "out")["tex"]
    assert "[U+6210 U+719F" in table.read_text(encoding="utf-8")
    compile_tex(table, tmp_path)
