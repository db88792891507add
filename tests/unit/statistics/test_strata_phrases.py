"""Strata of phrases: the level of an instruction, the number of attributes, and the polarity."""

from types import SimpleNamespace

import pytest

from samgap.statistics.strata import Cell
from tests.helpers.metric_pairs import BOX_PROMPTS, make_pair
from tests.helpers.sums import evaluate, make_table

RIPE, RED = ("ripeness", "ripe"), ("colour", "red")
NO_FLAGS = SimpleNamespace(by_phrase=False, by_instance=False)


def pair(image, phrase, matched=0, kind="phrase", **columns):
    return {**make_pair(image, kind, truth=1, predicted=matched, matched=matched, phrase=phrase), **columns}


def select(*rows):
    """Return the strata without `all`, by name: the phrases of their rows."""
    strata = dict(Cell(make_table("pairs", list(rows))).iter_strata(NO_FLAGS))
    del strata["all"]
    return strata


ROWS = [
    pair(1, "apple", 1, level="concept", polarity="positive"),
    pair(2, "apple", 0, level="concept", polarity="positive"),
    pair(1, "ripe apple", 1, level="simple", polarity="positive", attributes=[RIPE]),
    pair(1, "ripe red apple", 0, level="simple", polarity="positive", attributes=[RED, RIPE]),
    pair(1, "not a pear", 0, level="complex", polarity="negated"),
    pair(1, "leaf", 0, "other", evaluable=False, polarity="positive"),
]


def test_phrases_are_divided_by_level_number_of_attributes_and_polarity():
    strata = select(*ROWS)
    assert {name: sorted(set(rows["phrase"])) for name, rows in strata.items()} == {
        "level: complex": ["not a pear"],
        "level: concept": ["apple"],
        "level: simple": ["ripe apple", "ripe red apple"],
        "phrase: 1 attribute": ["ripe apple"],
        "phrase: 2 attributes": ["ripe red apple"],
        "phrase: noun": ["apple", "not a pear"],
        "phrase: unlabelled": ["leaf"],
        "polarity: negated": ["not a pear"],
        "polarity: positive": ["apple", "leaf", "ripe apple", "ripe red apple"],
    }


@pytest.mark.parametrize(
    ("stratum", "recall"),
    [("level: concept", 0.5), ("level: simple", 0.5), ("phrase: 1 attribute", 1), ("phrase: noun", 1 / 3),
     ("polarity: positive", 0.5), ("polarity: negated", 0)],
)  # fmt: skip
def test_the_value_of_a_stratum_is_that_of_its_phrases(stratum, recall):
    assert evaluate("recall", select(*ROWS)[stratum]) == pytest.approx(recall)


def test_a_set_with_one_value_has_no_stratum_of_it():
    assert select(*ROWS[:2]) == {}
    assert list(select(*ROWS[:3])) == [
        "level: concept", "level: simple", "phrase: 1 attribute", "phrase: noun",
    ]  # fmt: skip


def test_prompts_without_a_phrase_have_no_such_strata():
    assert dict(Cell(BOX_PROMPTS).iter_strata(NO_FLAGS)).keys() == {"all"}
