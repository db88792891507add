"""Paraphrases and negations of phrases."""

from samgap.prompts import perturbations

RIPE_RED = {"phrase": "ripe red apple", "noun": "apple", "attributes": {"ripeness": "ripe", "colour": "red"}}
RIPE = {"phrase": "ripe apple", "noun": "apple", "attributes": {"ripeness": "ripe"}, "seen": False}
ALL_OPTIONS = {
    "synonyms": {"ripe": ["mature"], "apple": ["apple fruit", "pome"]},
    "reorder": True,
    "contexts": ["{phrase} on a tree"],
    "negations": ["{base} that is not {word}"],
}


def test_paraphrases_share_concept_and_meaning():
    variants = list(perturbations.perturb_phrase(RIPE_RED, ALL_OPTIONS))
    assert [variant["phrase"] for variant in variants] == [
        "ripe red apple",
        "mature red apple",
        "ripe red apple fruit",
        "ripe red pome",
        "red ripe apple",
        "apple ripe red",
        "ripe red apple on a tree",
    ]
    for variant in variants:
        assert {**variant, "phrase": "ripe red apple"} == {**RIPE_RED, "concept": "ripe red apple"}


def test_only_whole_words_are_replaced_by_synonyms():
    phrase = {"phrase": "unripe apples", "noun": "apple"}
    variants = perturbations.perturb_phrase(phrase, {"synonyms": ALL_OPTIONS["synonyms"]})
    assert [variant["phrase"] for variant in variants] == ["unripe apples"]


def test_a_negation_excludes_the_attribute_of_its_phrase(truth, seed):
    *_, negation = perturbations.perturb_phrase(RIPE, ALL_OPTIONS)
    assert negation == {
        "phrase": "apple that is not ripe",
        "noun": "apple",
        "without": {"ripeness": "ripe"},
        "seen": False,
    }
    rows = perturbations.generate_prompts(truth, {"phrases": [RIPE], **ALL_OPTIONS}, seed)
    by_phrase = {row["phrase"]: row for row in rows if row["image_id"] == 1}
    assert by_phrase["ripe apple"]["truth_ids"] == [10]
    assert by_phrase["apple that is not ripe"]["truth_ids"] == [11]
    assert by_phrase["apple that is not ripe"]["concept"] is None


def test_without_options_the_phrase_is_unchanged():
    assert [variant["phrase"] for variant in perturbations.perturb_phrase(RIPE, {})] == ["ripe apple"]
