"""Queries of a training image: their number, their targets, ambiguous instances and exemplars."""

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


def _make_instance(number, noun, **attributes):
    return Instance(number, 1, noun, (0, 0, 9, 9), 81, None, attributes)


VISIBLE = [
    _make_instance(1, "apple", ripeness="ripe"),
    _make_instance(2, "apple", ripeness="unripe"),
    _make_instance(3, "pear"),
]


def _sample(seed=0, visible=VISIBLE, ambiguous=(), rounds=200, **options):
    rng = np.random.default_rng(seed)
    return [sample_queries(PHRASES, visible, ambiguous, rng, {"negatives": 1, **options}) for _ in range(rounds)]


def test_queries_are_at_most_as_many_as_the_options_say_and_have_their_targets():
    targets = {"apple": (1, 2), "fruit": (1, 2, 3), "ripe apple": (1,), "unripe apple": (2,), "pear": (3,)}
    texts = set()
    for queries in _sample(positives=2):
        assert sum(bool(query.target_ids) for query in queries) == 2
        assert sum(not query.target_ids for query in queries) == 1
        assert len({query.text for query in queries}) == 3
        for query in queries:
            assert query.target_ids == targets.get(query.text, ())
            texts.add(query.text)
    assert texts == {phrase["phrase"] for phrase in PHRASES}


def test_all_positive_phrases_are_queries_by_default():
    assert all(sum(bool(query.target_ids) for query in queries) == 5 for queries in _sample(rounds=5))


def test_phrases_of_ambiguous_instances_are_neither_positive_nor_negative():
    for queries in _sample(visible=VISIBLE[:1], ambiguous=[VISIBLE[1], _make_instance(4, "orange")], negatives=9):
        assert {query.text for query in queries} == {"apple", "fruit", "ripe apple", "pear", "ball"}
        assert all(2 not in query.target_ids for query in queries)


def test_short_phrases_are_more_likely():
    texts = [query.text for queries in _sample(positives=1, negatives=0, rounds=600) for query in queries]
    assert texts.count("apple") == pytest.approx(2 * texts.count("ripe apple"), rel=0.3)


def test_exemplars_are_targets_or_negatives_and_replace_the_text_only_of_nouns():
    n_without_text = 0
    for queries in _sample(exemplars=1.0):
        for query in queries:
            assert bool(query.exemplars) == bool(query.target_ids)
            positives = [number for number, label in query.exemplars if label]
            negatives = [number for number, label in query.exemplars if not label]
            assert not query.target_ids or 1 <= len(positives) <= 2
            assert (
                set(positives) <= set(query.target_ids)
                and not set(negatives) & set(query.target_ids)
                and len(negatives) <= 1
            )
            if query.text == VISUAL_PHRASE:
                n_without_text += 1
                assert query.target_ids in ((1, 2), (3,))
    assert n_without_text
    assert not any(query.exemplars for queries in _sample(exemplars=0.0) for query in queries)


def test_a_phrase_is_not_absent_if_an_ambiguous_instance_may_have_its_attributes():
    texts_without_label = {
        query.text for queries in _sample(visible=[], ambiguous=[_make_instance(4, "apple")]) for query in queries
    }
    assert texts_without_label == {"pear", "orange", "ball"}
    ripe = [_make_instance(4, "apple", ripeness="ripe")]
    texts = {query.text for queries in _sample(visible=[], ambiguous=ripe) for query in queries}
    assert texts == {"unripe apple", "pear", "orange", "ball"}


ABSENT_PHRASES = [
    {"phrase": "apple", "noun": "apple"},
    {"phrase": "green apple", "noun": "apple", "attributes": {"colour": "green"}},
    *({"phrase": noun, "noun": noun} for noun in ("pear", "plum", "leaf", "fig", "kiwi")),
]
RED_APPLE = Instance(1, 1, "apple", (0, 0, 9, 9), 81, None, {"colour": "red"})


def sample_absent(seed=0, **options):
    queries = sample_queries(ABSENT_PHRASES, [RED_APPLE], [], np.random.default_rng(seed), options)
    return [query.text for query in queries if not query.target_ids]


def test_all_absent_phrases_are_asked_or_some_for_each_present_one():
    texts = {phrase["phrase"] for phrase in ABSENT_PHRASES[1:]}
    assert set(sample_absent(negatives="all")) == texts
    assert len(sample_absent(negatives="all", **{"negatives-per-positive": 2.5})) == 3
    assert len(sample_absent(negatives=1, **{"negatives-per-positive": 2.5})) == 1


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_share_of_the_absent_phrases_names_what_is_in_the_image(share):
    drawn = [sample_absent(seed, negatives=1, **{"hard-negatives": share}) for seed in range(300)]
    assert all(len(texts) == 1 for texts in drawn)
    fraction = np.mean([texts == ["green apple"] for texts in drawn])
    # Of the other draws, one in six (weighted by the number of words) is it by chance.
    assert fraction == 1 if share == 1 else 0.48 < fraction < 0.65


def test_without_a_hard_phrase_the_others_are_asked():
    texts = sample_absent(negatives=6, **{"hard-negatives": 1.0})
    assert len(texts) == 6 and len(set(texts)) == 6
