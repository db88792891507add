"""Statistics of phrases: score thresholds, decisions on attributes, and agreement of paraphrases."""

import pytest

from samgap.matching.shard import match_shard
from tests.helpers.matching import make_tables, phrase_tables
from tests.helpers.scenes import square_mask
from tests.helpers.sums import evaluate

FIRST, SECOND = square_mask(2, 2, 6), square_mask(2, 14, 6)
"""The masks of the two apples."""


def match_phrases(phrases, predictions):
    """Return the rows of table `pairs`, by prompt id, of phrases of apples.

    Args:
        phrases: prompt id -> the columns of table `prompts`, with `truth_ids`.
        predictions: (prompt id, score, mask).
    """
    prompts = [(name, 1, "phrase", name, columns["truth_ids"]) for name, columns in phrases.items()]
    rows = [(name, number, 1, score, mask) for number, (name, score, mask) in enumerate(predictions)]
    masks, table, truth, images = make_tables(prompts, rows)
    for column in ("nouns", "attributes", "concept"):
        table[column] = [columns.get(column) for columns in phrases.values()]
    return match_shard(masks, table, truth, images, 0.5)[2].set_index("prompt_id")


def test_the_counts_at_each_score_threshold():
    _, _, pairs = match_shard(*phrase_tables([(0.9, FIRST), (0.52, SECOND), (0.31, square_mask(8, 24, 4))]), 0.5)
    counts = list(zip(pairs["sweep_predicted"].iat[0], pairs["sweep_tp"].iat[0], strict=True))
    # The thresholds are 0.05, 0.1 … 0.95.
    assert counts == [(3, 2)] * 6 + [(2, 2)] * 4 + [(1, 1)] * 8 + [(0, 0)]


def test_predictions_are_ranked_by_score():
    _, _, pairs = match_shard(*phrase_tables([(0.3, SECOND), (0.9, square_mask(8, 24, 4)), (0.6, FIRST)]), 0.5)
    assert pairs["scores"].iat[0] == pytest.approx([0.9, 0.6, 0.3])
    # The ten lowest bits are the matches at the ten IoU thresholds.
    assert [hits & 1023 for hits in pairs["hits_mask_all"].iat[0]] == [0, 1023, 1023]


RIPE = {"nouns": ["apple"], "attributes": [("ripeness", "ripe")], "truth_ids": [1]}
UNRIPE = {"nouns": ["apple"], "attributes": [("ripeness", "unripe")], "truth_ids": [2]}


def test_a_phrase_is_correct_on_instances_that_it_finds_or_leaves_out():
    pairs = match_phrases({"ripe": RIPE, "unripe": UNRIPE}, [("ripe", 0.9, FIRST), ("unripe", 0.9, FIRST)])
    assert pairs["n_candidates"].to_dict() == {"ripe": 2, "unripe": 2}
    # "unripe" finds the ripe apple and misses the unripe one.
    assert pairs["n_decided"].to_dict() == {"ripe": 2, "unripe": 0}


def test_an_instance_gets_the_value_of_the_phrase_with_the_highest_score():
    predictions = [("ripe", 0.6, FIRST), ("ripe", 0.7, SECOND), ("unripe", 0.9, FIRST), ("unripe", 0.8, SECOND)]
    pairs = match_phrases({"ripe": RIPE, "unripe": UNRIPE}, predictions)
    assert pairs["claimed"].to_dict() == {"ripe": [("unripe", 1)], "unripe": [("unripe", 1)]}
    pairs = match_phrases({"ripe": RIPE, "unripe": UNRIPE}, predictions[:1])
    assert pairs["claimed"].to_dict() == {"ripe": [("ripe", 1)], "unripe": [("", 1)]}


@pytest.mark.parametrize("values", [("ripe", "unripe"), ("unripe", "ripe"), ("ripe", "a colour")])
def test_values_with_equal_scores_share_the_instance(values):
    names = ("p", "q")
    phrases = {
        name: {**RIPE, "attributes": [("ripeness", value)], "truth_ids": [key]}
        for name, value, key in zip(names, values, (1, 2), strict=True)
    }
    predictions = [(name, 0.9, mask) for name in names for mask in (FIRST, SECOND)]
    pairs = match_phrases(phrases, predictions)
    assert all(dict(claimed) == dict.fromkeys(values, 0.5) for claimed in pairs["claimed"])
    # Knowing nothing of the attribute is chance, and not the order of the alphabet.
    assert evaluate("attribute-accuracy", pairs) == 0.5
    assert evaluate("attribute-accuracy-found", pairs) == 1


def test_three_equal_scores_count_a_third_each():
    phrases = {
        value: {**RIPE, "attributes": [("ripeness", value)], "truth_ids": [1] if value == "ripe" else []}
        for value in ("green", "ripe", "unripe")
    }
    pairs = match_phrases(phrases, [(value, 0.9, FIRST) for value in phrases])
    assert dict(pairs.loc["ripe", "claimed"]) == pytest.approx(dict.fromkeys(phrases, 1 / 3))
    assert evaluate("attribute-accuracy-strict", pairs) == pytest.approx(1 / 3)


def test_phrases_with_two_attributes_assign_no_value():
    two = {**RIPE, "attributes": [("ripeness", "ripe"), ("colour", "red")]}
    assert match_phrases({"two": two}, [("two", 0.9, FIRST)])["claimed"].tolist() == [None]


def test_the_agreement_of_paraphrases_is_the_iou_of_their_unions():
    phrase = {"truth_ids": [1, 2], "concept": "apple"}
    phrases = {"apple": phrase, "apples": phrase, "fruit": phrase, "leaf": {"truth_ids": None}}
    predictions = [("apple", 0.9, FIRST), ("apple", 0.9, SECOND), ("apples", 0.9, FIRST)]
    pairs = match_phrases(phrases, predictions)
    assert pairs["n_paraphrases"].to_dict() == {"apple": 2, "apples": 2, "fruit": 2, "leaf": 0}
    # One of two equal masks is common; "fruit" has no mask.
    assert pairs["sum_agreement"].to_dict() == {"apple": 0.5, "apples": 0.5, "fruit": 0, "leaf": 0}
