"""The instances that a phrase refers to, and phrases that are not evaluable."""

from dataclasses import replace

import pytest

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.annotations.phrases import (
    find_truth_ids,
    get_nouns,
    get_polarity,
    has_lost_labels,
    is_evaluable,
    is_presence_known,
    is_referent,
    is_trainable,
)

FRUIT = {"phrase": "damaged fruit", "nouns": ["apple", "pear"], "attributes": {"health": "damaged"}}


def make_instance(number, noun, health, ignore=False):
    return Instance(number, 1, noun, (0, 0, 1, 1), 1, None, {"health": health}, ignore)


INSTANCES = [
    make_instance(1, "apple", "damaged"),
    make_instance(2, "apple", "healthy"),
    make_instance(3, "pear", "damaged"),
    make_instance(4, "ball", "damaged"),
    make_instance(5, "pear", "damaged", ignore=True),
]
TRUTH = GroundTruth(
    {1: {}, 2: {}}, {1: INSTANCES}, frozenset({"apple", "pear", "ball"}), {"health": ("healthy", "damaged")}
)


def test_phrase_of_several_nouns_refers_to_each_of_them():
    assert get_nouns(FRUIT) == ("apple", "pear")
    assert [instance.id for instance in INSTANCES if is_referent(FRUIT, instance)] == [1, 3, 5]
    assert find_truth_ids(FRUIT, 1, TRUTH) == [1, 3]  # ignored instances are left out
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
def test_phrase_with_an_unlabelled_noun_or_value_is_not_evaluable(phrase):
    assert not is_evaluable(phrase, TRUTH)
    assert find_truth_ids(phrase, 1, TRUTH) is None


def test_phrase_is_trainable_by_default():
    assert is_trainable(FRUIT) and not is_trainable({**FRUIT, "seen": False})
    assert get_nouns({"phrase": "leaf", "other": True}) == ()


def test_phrase_does_not_refer_to_excluded_instances():
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


def test_excluded_attribute_must_be_labelled_on_each_instance():
    unlabelled = Instance(6, 2, "pear", (0, 0, 1, 1), 1, None, {})
    truth = GroundTruth({1: {}, 2: {}}, {**TRUTH.instances, 2: [unlabelled]}, TRUTH.nouns, TRUTH.attributes)
    phrase = {"phrase": "undamaged pear", "noun": "pear", "without": {"health": "damaged"}}
    assert find_truth_ids(phrase, 1, truth) == [] and find_truth_ids(phrase, 2, truth) is None
    assert find_truth_ids({**phrase, "noun": "apple"}, 2, truth) == []


PEAR = {"phrase": "pear", "noun": "pear"}
LEAF = {"phrase": "leaf", "other": True}


def make_incomplete(*nouns):
    """Return the ground truth of both images, the second of which lost labels of the nouns."""
    return GroundTruth({1: {}, 2: {"incomplete": list(nouns)}}, TRUTH.instances, TRUTH.nouns, TRUTH.attributes)


def test_a_phrase_is_not_evaluable_in_an_image_that_lost_a_label_of_its_nouns():
    truth = make_incomplete("apple")
    assert find_truth_ids({"phrase": "apple", "noun": "apple"}, 2, truth) is None
    assert find_truth_ids(FRUIT, 2, truth) is None  # one of its two nouns
    assert find_truth_ids(PEAR, 2, truth) == [] and not has_lost_labels(PEAR, 2, truth)
    assert find_truth_ids(FRUIT, 1, truth) == [1, 3] and not has_lost_labels(FRUIT, 1, truth)
    assert has_lost_labels(LEAF, 2, truth) and not has_lost_labels(LEAF, 1, truth)
    # This phrase is not evaluable on any image, so it lost nothing.
    assert not has_lost_labels({**FRUIT, "attributes": {"gloss": "high"}}, 2, truth)


def test_a_phrase_is_not_evaluable_where_the_value_of_its_attribute_could_not_be_read():
    unknown = Instance(6, 2, "pear", (0, 0, 1, 1), 1, None, {}, unknown_attributes=frozenset({"health"}))
    truth = GroundTruth({1: {}, 2: {}}, {**TRUTH.instances, 2: [unknown]}, TRUTH.nouns, TRUTH.attributes)
    damaged_pear = {**PEAR, "attributes": {"health": "damaged"}}
    assert find_truth_ids(damaged_pear, 2, truth) is None and has_lost_labels(damaged_pear, 2, truth)
    assert find_truth_ids(damaged_pear, 1, truth) == [3]
    assert find_truth_ids(PEAR, 2, truth) == [6]
    assert find_truth_ids({**damaged_pear, "noun": "apple"}, 2, truth) == []


@pytest.mark.parametrize(
    ("ignored", "phrase", "is_known"),
    [
        ({1: [False]}, {"noun": "apple"}, True),
        ({1: []}, {"noun": "apple"}, True),
        ({1: [True]}, {"noun": "apple"}, False),
        ({1: [True, False]}, {"noun": "apple"}, True),
        ({1: [True]}, {"noun": "pear"}, True),
        ({1: [True]}, {"nouns": ["apple", "pear"]}, False),
        ({1: [True]}, {"nouns": ["apple", "pear"], "without": {"noun": "apple"}}, True),
        ({1: [False]}, {"noun": "plum"}, False),
        ({1: [False]}, {"other": True}, False),
    ],
)
def test_presence_is_unknown_if_the_only_instances_of_the_nouns_are_ignored(ignored, phrase, is_known):
    instances = {
        1: [replace(TRUTH.instances_of(1)[0], noun="apple", attributes={}, ignore=ignore) for ignore in ignored[1]]
    }
    truth = GroundTruth({1: {}}, instances, frozenset({"apple", "pear"}), {})
    assert is_presence_known(phrase, 1, truth, find_truth_ids(phrase, 1, truth)) is is_known
