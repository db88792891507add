import pandas as pd
import pytest
import yaml

from samgap.errors import UserError
from samgap.paper.figures import FigureRequest
from samgap.tables.claims import CLAIMS
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS, draw, list_texts, save_figure

VERDICTS = {"a": "refuted", "b": "not testable: this run has no experiment wording", "c": "confirmed"}
FACTS = {
    "branches": [
        {"title": "One", "source": "P Figure 8", "statements": [
            {"text": "the first expectation", "claim": "a", "shown-in": "Figure 1"},
            {"text": "an expectation of many words that needs more than one line of its narrow column to be printed",
             "claim": "b", "shown-in": "claims"}]},
        {"title": "Two", "source": "P Figure 8", "statements": [
            {"text": "an outlook"}, {"text": "the last expectation", "claim": "c", "shown-in": "claims"}]},
    ]
}  # fmt: skip


@pytest.fixture
def make_request(tmp_path):
    """Function that writes claims and facts, and returns the request; `demo` is the claim that a demo model decides."""

    def make(demo="", facts=FACTS):
        blank = dict.fromkeys(field.name for field in CLAIMS.schema) | {
            "section": "§3", "kind": "structural", "reason": "data", "wording": "It is so.", "checks": [],
            "evidence": [], "sources": [], "addresses": [], "source": "", "run": "test",
        }  # fmt: skip
        rows = [{**blank, "id": id, "verdict": verdict, "demo": id == demo} for id, verdict in VERDICTS.items()]
        CLAIMS.write(tmp_path / "claims.parquet", pd.DataFrame(rows))
        (tmp_path / "facts.yaml").write_text(yaml.safe_dump(facts), encoding="utf-8")
        inputs = {"claims": str(tmp_path / "claims.parquet"), "estimates": "not-read"}
        return FigureRequest("outlook", inputs, {"facts": str(tmp_path / "facts.yaml")}, MODELS)

    return make


def test_rows_are_the_statements_with_the_verdicts_of_their_claims(make_request):
    rows = draw(make_request()).rows
    assert rows["verdict"].tolist() == [VERDICTS["a"], VERDICTS["b"], "not tested", VERDICTS["c"]]
    assert rows["branch"].tolist() == ["One", "One", "Two", "Two"]
    assert rows["wording"].isna().tolist() == [False, False, True, False]


def test_statements_that_nothing_decides_are_grey(make_request):
    figure = draw(make_request()).figure
    colours = {text.get_text(): text.get_color() for text in figure.axes[0].texts}
    assert colours["the first expectation"] == colours["the last expectation"] == "black"
    assert colours["an outlook"] == "0.45"
    assert [colour for text, colour in colours.items() if text.startswith("an expectation")] == ["0.45"]
    texts = list_texts(figure)
    assert texts.count("not tested") == 1 and texts.count("claims") == 2


def test_only_a_claim_that_a_demo_model_decides_marks_the_figure_as_demo(make_request, tmp_path):
    for demo, folder in (("a", "demo"), ("", "published")):
        svg = save_figure(make_request(demo), tmp_path / folder)["svg"].read_text(encoding="utf-8")
        assert ("demo-stamp" in svg) == bool(demo)


def test_no_text_overlaps_or_is_cut(make_request):
    check_texts(draw(make_request()).figure)


def test_an_unknown_claim_is_an_error(make_request):
    facts = yaml.safe_load(yaml.safe_dump(FACTS))
    facts["branches"][0]["statements"][0]["claim"] = "z"
    with pytest.raises(UserError, match="names the claim 'z', which the run does not have"):
        draw(make_request(facts=facts))


def test_the_figure_looks_like_its_reference_image(make_request, check_image):
    check_image(draw(make_request()).figure, "outlook")
