import pytest

from samgap.errors import UserError
from samgap.paper import facts

ONE = "{title: A, model: m, blocks: [{id: x, label: X, row: 0, column: 1, modules: [a]}], arrows: []}"


def test_a_file_of_facts_is_read_with_its_defaults(tmp_path):
    file = tmp_path / "facts.yaml"
    file.write_text(f"diagrams: [{ONE}, {ONE}]", encoding="utf-8")
    content = facts.read_facts("architectures", str(file), "architectures")
    assert content["diagrams"][1]["blocks"][0]["origin"] == "other"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"diagrams: [{ONE}]", "facts.yaml: diagrams"),
        (f"diagrams: [{ONE}, {ONE.replace('row: 0', 'row: -1')}]", "row"),
        ("- a", "figures.architectures.facts names the file"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_it(tmp_path, text, message):
    file = tmp_path / "facts.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        facts.read_facts("architectures", str(file), "architectures")


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(UserError, match="no-such.yaml, which cannot be read"):
        facts.read_facts("architectures", str(tmp_path / "no-such.yaml"), "architectures")


def test_an_unknown_id_is_an_error_with_a_similar_one():
    facts.require_id("a", ["a"], "x")
    with pytest.raises(UserError, match="an arrow names 'decodr', which is none of its ids; did you mean 'decoder'?"):
        facts.require_id("decodr", ["decoder", "encoder"], "an arrow")
