"""Checks by what publications say."""

import pytest

from samgap.claims.fact import check_fact, describe_source
from tests.helpers.claims import SOURCES, make_data

DATA = make_data()


@pytest.mark.parametrize(
    ("values", "verdict"),
    [([50], "refuted"), ([120], "as the source says"), ([120, 200], "as the source says"), ([120, 50], "partly")],
)
def test_a_number_is_compared_with_the_bound_and_never_confirms(values, verdict):
    statements = [{"value": value, "source": f"{key} §2"} for value, key in zip(values, "AB", strict=False)]
    outcome = check_fact({"at-least": 100, "unit": "videos", "statements": statements}, DATA)
    assert outcome.verdict == verdict
    assert (outcome.value, outcome.unit, outcome.bound) == (values[0], "videos", "≥ 100 videos")
    assert outcome.table == ""


def test_sources_that_differ_are_all_quoted():
    statements = [{"value": 207000, "source": "A §5"}, {"value": 270000, "source": "B README"}]
    outcome = check_fact({"at-most": 207500, "unit": "phrases", "statements": statements}, DATA)
    assert outcome.evidence == "paper A, §5: 207,000 phrases; paper B, README: 270,000 phrases; the sources differ"


@pytest.mark.parametrize(("agrees", "verdict"), [(True, "as the source says"), (False, "refuted")])
def test_a_text_says_whether_it_agrees(agrees, verdict):
    outcome = check_fact({"statements": [{"value": "it is so", "agrees": agrees, "source": "A Table 1"}]}, DATA)
    assert (outcome.verdict, outcome.evidence) == (verdict, "paper A, Table 1: it is so")
    assert outcome.value is None and outcome.unit is None


def test_a_source_is_named_with_its_place():
    assert describe_source("A §5", SOURCES) == "paper A, §5"
    assert describe_source("A", SOURCES) == "paper A"
