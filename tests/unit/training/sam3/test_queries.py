"""What is asked about a training image: bounded, never ambiguous, and with boxes that tell the truth."""

import numpy as np
import pytest

from samgap.annotations.ground_truth import Instance
from samgap.training.sam3.queries import VISUAL_PHRASE, sample_queries

PHRASES = [
    {"phrase": "apple", "noun": "apple"},
    {"phrase": "fruit", "nouns": ["apple", "pear"]},
    {"phrase": "ripe apple", "noun": "apple", "attributes": {"ripeness": "ripe"}},
    {"phrase": "unripe apple", "noun": "apple", "attributes": {"ripeness": "unripe"}},
    {"phrase": "pear", "noun": "pear"},
    {"phrase": "orange", "noun": "orange"},
    {"phrase": "ball", "noun": "ball"},
]


def _item(number, noun, **attributes):
    return Instance(number, 1, noun, (0, 0, 9, 9), 81, None, attributes)


THERE = [_item(1, "apple", ripeness="ripe"), _item(2, "apple", ripeness="unripe"), _item(3, "pear")]


def _all(seed=0, there=THERE, unsure=(), rounds=200, **options):
    rng = np.random.default_rng(seed)
    return [sample_queries(PHRASES, there, unsure, rng, {"negatives": 1, **options}) for _ in range(rounds)]


def test_no_more_is_asked_than_allowed_and_each_with_its_instances():
    wanted = {"apple": (1, 2), "fruit": (1, 2, 3), "ripe apple": (1,), "unripe apple": (2,), "pear": (3,)}
    found = set()
    for questions in _all(positives=2):
        assert sum(bool(ask.target_ids) for ask in questions) == 2
        assert sum(not ask.target_ids for ask in questions) == 1
        assert len({ask.text for ask in questions}) == 3
        for ask in questions:
            assert ask.target_ids == wanted.get(ask.text, ())
            found.add(ask.text)
    assert found == {phrase["phrase"] for phrase in PHRASES}


def test_all_that_is_there_is_asked_by_default():
    assert all(sum(bool(ask.target_ids) for ask in questions) == 5 for questions in _all(rounds=5))


def test_what_is_hardly_seen_is_neither_asked_for_nor_called_absent():
    for questions in _all(there=THERE[:1], unsure=[THERE[1], _item(4, "orange")], negatives=9):
        assert {ask.text for ask in questions} == {"apple", "fruit", "ripe apple", "pear", "ball"}
        assert all(2 not in ask.target_ids for ask in questions)


def test_short_phrases_are_asked_more_often():
    texts = [ask.text for questions in _all(positives=1, negatives=0, rounds=600) for ask in questions]
    assert texts.count("apple") == pytest.approx(2 * texts.count("ripe apple"), rel=0.3)


def test_examples_are_answers_or_marked_as_none_and_stand_alone_for_a_noun_only():
    alone = 0
    for questions in _all(exemplars=1.0):
        for ask in questions:
            assert bool(ask.exemplars) == bool(ask.target_ids)
            right = [number for number, label in ask.exemplars if label]
            wrong = [number for number, label in ask.exemplars if not label]
            assert not ask.target_ids or 1 <= len(right) <= 2
            assert set(right) <= set(ask.target_ids) and not set(wrong) & set(ask.target_ids) and len(wrong) <= 1
            if ask.text == VISUAL_PHRASE:
                alone += 1
                assert ask.target_ids in ((1, 2), (3,))
    assert alone
    assert not any(ask.exemplars for questions in _all(exemplars=0.0) for ask in questions)
