"""Which instances a phrase covers, and where the labels cannot say."""

import pytest

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.annotations.phrases import find_truth_ids, get_nouns, get_polarity, is_evaluable, is_referent, is_trainable

FRUIT = {"phrase": "damaged fruit", "nouns": ["apple", "pear"], "attributes": {"health": "damaged"}}


def _item(number, noun, health, ignore=False):
    return Instance(number, 1, noun, (0, 0, 1, 1), 1, None, {"health": health}, ignore)


ITEMS = [
    _item(1, "apple", "damaged"),
    _item(2, "apple", "healthy"),
    _item(3, "pear", "damaged"),
    _item(4, "ball", "damaged"),
    _item(5, "pear", "damaged", ignore=True),
]
TRUTH = GroundTruth(
    {1: {}, 2: {}}, {1: ITEMS}, frozenset({"apple", "pear", "ball"}), {"health": ("healthy", "damaged")}
)


def test_a_word_for_several_nouns_covers_each_of_them():
    assert get_nouns(FRUIT) == ("apple", "pear")
    assert [item.id for item in ITEMS if is_referent(FRUIT, item)] == [1, 3, 5]
    assert find_truth_ids(FRUIT, 1, TRUTH) == [1, 3]  # what is ignored is never a right answer
    assert find_truth_ids(FRUIT, 2, TRUTH) == []


@pytest.mark.parametrize(
    "phrase",
    [
        {**FRUIT, "nouns": ["apple", "plum"]},
        {**FRUIT, "attributes": {"health": "diseased"}},
        {**FRUIT, "attributes": {"gloss": "high"}},
        {"phrase": "leaf", "other": True},
    ],
)
def test_one_word_that_is_not_labelled_makes_the_phrase_not_evaluable(phrase):
    assert not is_evaluable(phrase, TRUTH)
    assert find_truth_ids(phrase, 1, TRUTH) is None


def test_a_phrase_is_seen_unless_it_says_otherwise():
    assert is_trainable(FRUIT) and not is_trainable({**FRUIT, "seen": False})
    assert get_nouns({"phrase": "leaf", "other": True}) == ()


def test_what_a_phrase_rules_out_is_not_covered():
    phrase = {"phrase": "fruit but not damaged", "nouns": ["apple", "pear"], "without": {"health": "damaged"}}
    assert find_truth_ids(phrase, 1, TRUTH) == [2]
    assert find_truth_ids({"phrase": "no pear", "nouns": ["apple", "pear"], "without": {"noun": "pear"}}, 1, TRUTH) == [
        1,
        2,
    ]
    assert find_truth_ids({**phrase, "without": {"gloss": "high"}}, 1, TRUTH) is None
    assert find_truth_ids({**phrase, "without": {"noun": "plum"}}, 1, TRUTH) is None
    assert (get_polarity(phrase), get_polarity(FRUIT), get_polarity({**phrase, "polarity": "positive"})) == (
        "negated",
        "positive",
        "positive",
    )


def test_what_is_ruled_out_must_be_labelled_on_each_instance():
    unknown = Instance(6, 2, "pear", (0, 0, 1, 1), 1, None, {})
    truth = GroundTruth({1: {}, 2: {}}, {**TRUTH.instances, 2: [unknown]}, TRUTH.nouns, TRUTH.attributes)
    phrase = {"phrase": "undamaged pear", "noun": "pear", "without": {"health": "damaged"}}
    assert find_truth_ids(phrase, 1, truth) == [] and find_truth_ids(phrase, 2, truth) is None
    assert find_truth_ids({**phrase, "noun": "apple"}, 2, truth) == []
