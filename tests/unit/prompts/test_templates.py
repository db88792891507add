"""Phrases made from templates."""

import pytest

from samgap.annotations.phrases import get_polarity
from samgap.errors import UserError
from samgap.prompts import templates
from samgap.prompts.seed import Seed

WORDS = {
    "ripeness": {"ripe": {"attributes": {"ripeness": "ripe"}}, "immature": {"attributes": {"ripeness": "unripe"}}},
    "colour": {"red": {"attributes": {"colour": "red"}}},
    "base": {"apple": {"noun": "apple"}, "fruit": {"nouns": ["apple", "pear"]}},
    "excluded": {"unripe ones": {"without": {"ripeness": "unripe"}}, "pears": {"without": {"noun": "pear"}}},
    "empty": {"": {}},
}


def expand(*texts, **options):
    """Return the phrases of some templates by their text."""
    options = {"templates": list(texts), "words": WORDS, **options}
    return {phrase["phrase"]: phrase for phrase in templates.expand_templates(options)}


def test_every_combination_of_words_is_a_phrase_with_its_meaning():
    phrases = expand("{ripeness} {colour} {base}")
    assert list(phrases) == ["ripe red apple", "ripe red fruit", "immature red apple", "immature red fruit"]
    assert phrases["immature red fruit"] == {
        "phrase": "immature red fruit",
        "nouns": ["apple", "pear"],
        "attributes": {"ripeness": "unripe", "colour": "red"},
    }


def test_an_empty_word_leaves_no_double_space():
    assert next(iter(expand("{ripeness} {empty} {base}"))) == "ripe apple"


def test_contradictions_are_no_phrases():
    phrases = expand("{ripeness} {base} but not {excluded}")
    assert "ripe apple but not unripe ones" not in phrases
    assert get_polarity(phrases["ripe fruit but not pears"]) == "negated"


def test_a_negated_phrase_covers_the_instances_that_are_not_excluded(truth, seed):
    rows = templates.generate_prompts(truth, {"templates": ["{base} but not {excluded}"], "words": WORDS}, seed)
    by_phrase = {row["phrase"]: row for row in rows if row["image_id"] == 1}
    assert by_phrase["apple but not unripe ones"]["truth_ids"] == [10]
    assert by_phrase["fruit but not pears"]["truth_ids"] == [10, 11]
    # The pear has no label of ripeness.
    assert by_phrase["fruit but not unripe ones"]["truth_ids"] is None
    assert {row["polarity"] for row in by_phrase.values()} == {"negated"}


def test_unseen_combinations_are_marked():
    unseen = [{"noun": "apple", "ripeness": "ripe", "colour": "red"}]
    phrases = expand("{ripeness} {base}", "{ripeness} {colour} {base}", unseen=unseen)
    assert [text for text, phrase in phrases.items() if phrase.get("seen") is False] == [
        "ripe red apple",
        "ripe red fruit",
    ]


def test_a_sample_has_its_size_and_is_the_same_on_every_data_set(truth):
    options = {"templates": ["{ripeness} {base}", "{colour} {base}"], "words": WORDS, "sample": 3}

    def sample(seed):
        return {row["phrase"] for row in templates.generate_prompts(truth, options, seed)}

    assert len(sample(Seed(1, "a"))) == 3
    assert sample(Seed(1, "a")) == sample(Seed(1, "b"))
    assert len({frozenset(sample(Seed(run_seed, "a"))) for run_seed in range(20)}) > 5


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{ripenes} {base}", "the slot {ripenes}, which `words` does not list"),
        ("{ripeness} things", "'ripe things' of the template '{ripeness} things' has no noun"),
        ("{} {base}", "the slot {}, which"),
    ],
)
def test_a_template_without_words_or_noun_raises_a_one_line_error(template, message):
    with pytest.raises(UserError) as caught:
        expand(template)
    assert message in str(caught.value)


def test_one_text_with_two_meanings_raises_a_one_line_error():
    words = {"a": {"red": {"attributes": {"colour": "red"}}}, "b": {"red": {}}, "base": {"apple": {"noun": "apple"}}}
    with pytest.raises(UserError, match="'red apple' with two meanings"):
        templates.expand_templates({"templates": ["{a} {base}", "{b} {base}"], "words": words})
