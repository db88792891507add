"""References to environment variables in addresses."""

import pytest

from samgap.io import redaction, variables
from samgap.io.variables import MissingVariable, expand_variables, find_variables, remove_parameters_with_variables

CONFIG = {
    "archives": {"orchard": {"url": "https://host/a.zip?token=${SAMGAP_TEST_TOKEN}"}},
    "mirrors": {"https://host/?x=${SAMGAP_TEST_KEY}": "https://${SAMGAP_TEST_HOST}/"},
    "prompts": [{"phrase": "apple"}, 3, None],
}


@pytest.fixture(autouse=True)
def _forget_values(monkeypatch) -> None:
    monkeypatch.setattr(redaction, "_hidden_values", set())
    monkeypatch.setattr(variables, "_key_paths", {})


def test_a_reference_is_replaced_and_its_value_hidden(monkeypatch) -> None:
    monkeypatch.setenv("SAMGAP_TEST_TOKEN", "pear-and-plum")
    assert expand_variables("https://host/a?token=${SAMGAP_TEST_TOKEN}&x=$HOME") == (
        "https://host/a?token=pear-and-plum&x=$HOME"
    )
    assert redaction.redact("a pear-and-plum") == "a (hidden)"


def test_the_value_of_a_variable_is_not_expanded(monkeypatch) -> None:
    monkeypatch.setenv("SAMGAP_TEST_TOKEN", "${HOME}")
    assert expand_variables("https://host/a?token=${SAMGAP_TEST_TOKEN}") == "https://host/a?token=${HOME}"


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_one_line_with_key_and_variable(value, monkeypatch) -> None:
    monkeypatch.delenv("SAMGAP_TEST_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("SAMGAP_TEST_TOKEN", value)
    variables.register_variables(CONFIG)
    with pytest.raises(MissingVariable) as error:
        expand_variables("https://host/a.zip?token=${SAMGAP_TEST_TOKEN}")
    assert str(error.value) == (
        "archives.orchard.url names the environment variable SAMGAP_TEST_TOKEN, which is not set; set it "
        "(export SAMGAP_TEST_TOKEN=…) and run again"
    )
    with pytest.raises(MissingVariable, match=r"^https://host/b names .* SAMGAP_TEST_OTHER,"):
        expand_variables("https://host/b?token=${SAMGAP_TEST_OTHER}")


def test_registered_values_are_hidden_before_a_request(monkeypatch) -> None:
    monkeypatch.setenv("SAMGAP_TEST_TOKEN", "pear-and-plum")
    monkeypatch.setenv("SAMGAP_TEST_HOST", "mirror.example.org")
    monkeypatch.setenv("SAMGAP_TEST_KEY", "quince-and-fig")
    variables.register_variables(CONFIG)
    assert redaction.redact("pear-and-plum quince-and-fig mirror.example.org") == "(hidden) (hidden) (hidden)"


def test_only_names_in_braces_are_references() -> None:
    assert find_variables("${A}/$B?c=${D_1}&e=${}&f=${1x}&g=${a-b}") == ["A", "D_1"]


@pytest.mark.parametrize(
    ("url", "without"),
    [
        ("https://host/a?x=1&token=${T}&y=2", "https://host/a?x=1&y=2"),
        ("https://host/a?${T}", "https://host/a"),
        ("https://host/a?x=1&&y", "https://host/a?x=1&&y"),
        ("https://host/${T}/a", "https://host/${T}/a"),
    ],
)
def test_parameters_with_a_variable_are_removed(url: str, without: str) -> None:
    assert remove_parameters_with_variables(url) == without


def test_all_texts_and_keys_of_a_configuration_are_listed() -> None:
    texts = list(variables.iter_texts(CONFIG))
    assert ("archives.orchard.url", "https://host/a.zip?token=${SAMGAP_TEST_TOKEN}") in texts
    assert ("mirrors", "https://host/?x=${SAMGAP_TEST_KEY}") in texts
    assert ("mirrors.https://host/", "https://${SAMGAP_TEST_HOST}/") in texts
    assert ("prompts.phrase", "apple") in texts and ("prompts", "phrase") in texts
