import pandas as pd
import pytest
import yaml

from samgap.errors import UserError
from samgap.paper.audit import NO_EVIDENCE
from samgap.paper.figures import FigureRequest
from samgap.tables.claims import CLAIMS
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS, draw, list_texts, save_figure

CLAIM_ROWS = [
    ("a-1", "prompts", "confirmed", False),
    ("a-2", "prompts", "refuted", False),
    ("a-3", "prompts", "not testable: this run has no experiment wording", False),
    ("b-1", "decoding", "partly", False),
    ("b-2", "encoder", "refuted", True),
    ("c-1", "data", "open", False),
]
ROW = {"statement": "What the paper says, in a sentence that needs two lines in its column.", "source": "P §3"}
FACTS = {
    "branches": [
        {**ROW, "title": "Prompts", "reasons": ["prompts"], "evidence": [
            {"claim": "a-1", "verdict": "refuted", "text": "not the verdict of this run"},
            {"claim": "a-2", "verdict": "refuted", "text": "the verdict of this run"}]},
        {**ROW, "title": "Architecture", "reasons": ["decoding", "encoder"], "evidence": []},
    ],
    "reasons": [{**ROW, "title": "Data", "reasons": ["data"], "evidence": []}],
}  # fmt: skip


@pytest.fixture
def make_request(tmp_path):
    """Function that writes claims and facts, and returns the request of a figure."""

    def make(figure="audit-branches", facts=FACTS):
        blank = dict.fromkeys(field.name for field in CLAIMS.schema) | {
            "section": "§3", "kind": "structural", "wording": "It is so.", "checks": [], "evidence": [], "sources": [],
            "addresses": [], "source": "", "run": "test",
        }  # fmt: skip
        rows = [
            {**blank, "id": id, "reason": reason, "verdict": verdict, "demo": demo}
            for id, reason, verdict, demo in CLAIM_ROWS
        ]
        CLAIMS.write(tmp_path / "claims.parquet", pd.DataFrame(rows))
        (tmp_path / "facts.yaml").write_text(yaml.safe_dump(facts), encoding="utf-8")
        inputs = {"claims": str(tmp_path / "claims.parquet"), "estimates": "not-read"}
        return FigureRequest(figure, inputs, {"facts": str(tmp_path / "facts.yaml")}, MODELS)

    return make


@pytest.mark.parametrize(("n_refuted", "is_printed"), [(3, True), (60, False)])
def test_a_number_without_room_is_in_the_legend(make_request, monkeypatch, n_refuted, is_printed):
    many = [(f"d-{number}", "prompts", "refuted", False) for number in range(n_refuted)]
    monkeypatch.setitem(globals(), "CLAIM_ROWS", [*CLAIM_ROWS[:2], *many])
    figure = draw(make_request()).figure
    check_texts(figure)
    texts = list_texts(figure)
    assert ("1" in texts) == is_printed
    assert ("without a number: 1 claim" in texts) != is_printed


def test_rows_are_the_claims_of_each_branch(make_request):
    rows = draw(make_request()).rows
    assert rows.groupby("row", sort=False)["claim"].apply(list).to_dict() == {
        "Prompts": ["a-1", "a-2", "a-3"],
        "Architecture": ["b-1", "b-2"],
    }
    assert draw(make_request("audit-reasons")).rows["claim"].tolist() == ["c-1"]


def test_bars_have_the_number_of_each_verdict_to_one_scale(make_request):
    figure = draw(make_request()).figure
    texts = list_texts(figure)
    assert texts.count("3") == 1 and texts.count("2") == 1  # the sums
    assert texts.count("1") == 5  # two claims are in one segment of no verdict
    widths = [round(patch.get_width(), 4) for patch in figure.axes[0].patches if patch.get_height() == 0.17]
    assert len(set(widths)) == 1 and len(widths) == 2 * 5  # each segment has an edge


def test_evidence_is_the_first_whose_claim_has_the_stated_verdict(make_request):
    output = draw(make_request())
    texts = list_texts(output.figure)
    assert "the verdict of this run" in texts and NO_EVIDENCE in texts
    assert "not the verdict of this run" not in texts
    assert output.rows.set_index("claim")["shown"].dropna().to_dict() == {"a-2": "the verdict of this run"}


def test_only_a_claim_that_a_demo_model_decides_marks_the_figure_as_demo(make_request, tmp_path):
    assert "demo-stamp" in save_figure(make_request(), tmp_path / "a")["svg"].read_text(encoding="utf-8")
    reasons = save_figure(make_request("audit-reasons"), tmp_path / "b")["svg"].read_text(encoding="utf-8")
    assert "demo-stamp" not in reasons


@pytest.mark.parametrize("figure", ["audit-branches", "audit-reasons"])
def test_no_text_overlaps_or_is_cut(make_request, figure):
    check_texts(draw(make_request(figure)).figure)


def test_evidence_of_an_unknown_claim_is_an_error(make_request):
    facts = yaml.safe_load(yaml.safe_dump(FACTS))
    facts["branches"][0]["evidence"][0]["claim"] = "a-9"
    with pytest.raises(UserError, match="the evidence of Prompts names the claim 'a-9', which the run does not have"):
        draw(make_request(facts=facts))


def test_the_figure_looks_like_its_reference_image(make_request, check_image):
    check_image(draw(make_request()).figure, "audit-branches")
