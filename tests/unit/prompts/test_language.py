"""Phrases that are made: templates, perturbations, examples; and what the configuration's own lists mean."""

from pathlib import Path

import pytest
import yaml

from samgap.annotations.phrases import get_polarity
from samgap.config.validate import validate_config
from samgap.errors import UserError
from samgap.prompts import exemplar, perturbations, templates
from samgap.prompts.seed import Seed

ROOT = Path(__file__).parents[3]
WORDS = {
    "ripeness": {"ripe": {"attributes": {"ripeness": "ripe"}}, "immature": {"attributes": {"ripeness": "unripe"}}},
    "colour": {"red": {"attributes": {"colour": "red"}}},
    "base": {"apple": {"noun": "apple"}, "fruit": {"nouns": ["apple", "pear"]}},
    "excluded": {"unripe ones": {"without": {"ripeness": "unripe"}}, "pears": {"without": {"noun": "pear"}}},
    "empty": {"": {}},
}


def made(*texts, **options):
    return {
        row["phrase"]: row for row in templates.expand_templates({"templates": list(texts), "words": WORDS, **options})
    }


def test_every_choice_of_words_is_a_phrase_with_its_meaning():
    found = made("{ripeness} {colour} {base}")
    assert list(found) == ["ripe red apple", "ripe red fruit", "immature red apple", "immature red fruit"]
    assert found["immature red fruit"] == {
        "phrase": "immature red fruit",
        "nouns": ["apple", "pear"],
        "attributes": {"ripeness": "unripe", "colour": "red"},
    }


def test_phrases_that_contradict_themselves_are_left_out():
    found = made("{ripeness} {base} but not {excluded}")
    assert "ripe apple but not unripe ones" not in found
    assert get_polarity(found["ripe fruit but not pears"]) == "negated"


def test_a_negated_phrase_covers_what_is_left(truth, seed):
    rows = templates.generate_prompts(truth, {"templates": ["{base} but not {excluded}"], "words": WORDS}, seed)
    found = {row["phrase"]: row for row in rows if row["image_id"] == 1}
    assert found["apple but not unripe ones"]["truth_ids"] == [10]
    assert found["fruit but not pears"]["truth_ids"] == [10, 11]
    # Nobody said whether the pear is ripe.
    assert found["fruit but not unripe ones"]["truth_ids"] is None
    assert {row["polarity"] for row in found.values()} == {"negated"}


def test_unseen_combinations_are_told_from_seen_ones():
    found = made(
        "{ripeness} {base}",
        "{ripeness} {colour} {base}",
        unseen=[{"noun": "apple", "ripeness": "ripe", "colour": "red"}],
    )
    assert [text for text, row in found.items() if row.get("seen") is False] == ["ripe red apple", "ripe red fruit"]


def test_a_sample_is_the_same_on_every_data_set_and_of_its_size(truth):
    options = {"templates": ["{ripeness} {base}", "{colour} {base}"], "words": WORDS, "sample": 3}

    def sample(seed):
        return {row["phrase"] for row in templates.generate_prompts(truth, options, seed)}

    assert len(sample(Seed(1, "a"))) == 3
    assert sample(Seed(1, "a")) == sample(Seed(1, "b"))
    assert len({frozenset(sample(Seed(run, "a"))) for run in range(20)}) > 5


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{ripenes} {base}", "the slot {ripenes}, for which `words` has none"),
        ("{ripeness} things", "'ripe things' of the template '{ripeness} things' names no noun"),
        ("{} {base}", "the slot {}, for which"),
    ],
)
def test_a_template_that_makes_no_phrase_is_one_line(template, message):
    with pytest.raises(UserError) as caught:
        made(template)
    assert message in str(caught.value)


def test_one_text_with_two_meanings_is_refused():
    words = {"a": {"red": {"attributes": {"colour": "red"}}}, "b": {"red": {}}, "base": {"apple": {"noun": "apple"}}}
    with pytest.raises(UserError, match="'red apple' with two meanings"):
        templates.expand_templates({"templates": ["{a} {base}", "{b} {base}"], "words": words})


RIPE_RED = {"phrase": "ripe red apple", "noun": "apple", "attributes": {"ripeness": "ripe", "colour": "red"}}
RIPE = {"phrase": "ripe apple", "noun": "apple", "attributes": {"ripeness": "ripe"}, "seen": False}
ALL = {
    "synonyms": {"ripe": ["mature"], "apple": ["apple fruit", "pome"]},
    "reorder": True,
    "contexts": ["{phrase} on a tree"],
    "negations": ["{base} that is not {word}"],
}


def test_paraphrases_share_their_concept_and_meaning():
    found = list(perturbations.perturb_phrase(RIPE_RED, ALL))
    assert [row["phrase"] for row in found] == [
        "ripe red apple",
        "mature red apple",
        "ripe red apple fruit",
        "ripe red pome",
        "red ripe apple",
        "apple ripe red",
        "ripe red apple on a tree",
    ]
    for row in found:
        assert {**row, "phrase": "ripe red apple"} == {**RIPE_RED, "concept": "ripe red apple"}


def test_a_word_within_another_is_no_synonym():
    found = perturbations.perturb_phrase({"phrase": "unripe apples", "noun": "apple"}, {"synonyms": ALL["synonyms"]})
    assert [row["phrase"] for row in found] == ["unripe apples"]


def test_a_negation_turns_a_phrase_of_one_attribute_round(truth, seed):
    *_, turned = perturbations.perturb_phrase(RIPE, ALL)
    told = {"phrase": "apple that is not ripe", "noun": "apple", "without": {"ripeness": "ripe"}, "seen": False}
    assert turned == told
    rows = perturbations.generate_prompts(truth, {"phrases": [RIPE], **ALL}, seed)
    found = {row["phrase"]: row for row in rows if row["image_id"] == 1}
    assert found["ripe apple"]["truth_ids"] == [10]
    assert found["apple that is not ripe"]["truth_ids"] == [11]
    assert found["apple that is not ripe"]["concept"] is None


def test_without_options_a_phrase_is_asked_as_it_is():
    assert [row["phrase"] for row in perturbations.perturb_phrase(RIPE, {})] == ["ripe apple"]


APPLE = {"phrases": [{"phrase": "apple", "noun": "apple"}]}


def boxes(truth, seed, **options):
    return {
        row["image_id"]: [(each["x0"], each["label"]) for each in row["boxes"]]
        for row in exemplar.generate_prompts(truth, {**APPLE, **options}, seed)
    }


def test_examples_are_of_the_image_and_the_answer_covers_all(truth, seed):
    (row,) = exemplar.generate_prompts(
        truth, {**APPLE, "positives": 1, "negatives": 1}, seed
    )  # nothing of it in image 2
    assert row["image_id"] == 1 and row["kind"] == "phrase" and row["phrase"] == "apple"
    assert row["truth_ids"] == [10, 11]
    positive, negative = row["boxes"]
    assert positive["label"] == 1 and positive["x0"] in (3, 25)
    assert negative == {"x0": 20, "y0": 1, "x1": 24, "y1": 4, "label": 0}


def test_more_examples_begin_with_the_same_and_end_with_all_there_are(truth, seed):
    one, two, three = (boxes(truth, seed, positives=number)[1] for number in (1, 2, 3))
    assert two[:1] == one and three == two and len(two) == 2
    # Which one is first is left to chance.
    assert len({boxes(truth, Seed(run, "a"))[1][0] for run in range(20)}) == 2


def test_boxes_may_stand_in_place_of_the_phrase(truth, seed):
    (row,) = exemplar.generate_prompts(truth, {**APPLE, "text": False}, seed)
    assert row["phrase"] == "visual" and row["nouns"] == ["apple"]


# --- the configuration's own lists


@pytest.fixture(scope="module", params=["config", "demo"])
def sets(request):
    return validate_config(yaml.safe_load((ROOT / f"config/{request.param}.yaml").read_text()), ROOT)["prompts"]


def asked_of(entry):
    if entry["kind"] == "templates":
        return templates.expand_templates(entry)
    if entry["kind"] == "perturbations":
        return [row for phrase in entry["phrases"] for row in perturbations.perturb_phrase(phrase, entry)]
    return entry.get("phrases", [])


def test_there_are_750_combinations_and_21_words(sets):
    every = asked_of(sets["combinations"])
    assert len(every) == 750 and 0 < sets["combinations"]["sample"] < 750
    assert len(asked_of(sets["attributes"])) == 5 + 6 + 5 + 5


def test_every_list_is_asked_once_and_means_something(truth, seed, sets):
    for name, entry in sets.items():
        rows = asked_of(entry)
        if entry["kind"] in ("phrases", "templates"):
            texts = [row["phrase"] for row in rows]
            assert len(texts) == len(set(texts)), name
        for row in rows:
            assert len({"noun", "nouns", "other"} & set(row)) == 1, (name, row)
            assert not set(row.get("attributes") or {}) & set(row.get("without") or {}), (name, row)


def test_instructions_have_three_levels_of_which_some_cannot_be_judged(sets):
    rows = asked_of(sets["instructions"])
    levels = [row["level"] for row in rows]
    assert {level: levels.count(level) >= 8 for level in ("concept", "simple", "complex")} == {
        "concept": True,
        "simple": True,
        "complex": True,
    }
    for level in ("simple", "complex"):
        assert any("place" in row.get("attributes", {}) for row in rows if row["level"] == level)


def test_unseen_phrases_are_tagged(sets):
    if "unseen" in sets:
        assert all(row["seen"] is False for row in sets["unseen"]["phrases"])
    else:
        unseen = [row for row in asked_of(sets["combinations"]) if row.get("seen") is False]
        assert unseen and all(
            {"health": "damaged", "colour": "green"}.items() <= row["attributes"].items()
            or {"ripeness": "overripe", "colour": "yellow"}.items() <= row["attributes"].items()
            or {"health": "diseased", "ripeness": "unripe"}.items() <= row["attributes"].items()
            or {"size": "large", "colour": "yellow"}.items() <= row["attributes"].items()
            for row in unseen
        )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"kind": "mask"}, "prompts.x lacks the key 'coarse'"),
        ({"kind": "mask", "coarse": "eroded", "amount": 1}, "prompts.x.amount is 1, not less than 1"),
        ({"kind": "point", "place": "middle"}, "prompts.x.place is 'middle', not one of centre, random, boundary"),
        ({"kind": "box", "points": 2}, "unknown key 'points' in prompts.x"),
        ({"kind": "clicks", "clicks": 21}, "prompts.x.clicks is 21, more than 20"),
        ({"kind": "phrases", "phrases": [{"phrase": "", "noun": "apple"}]}, "phrases.0.phrase is '', but must not be"),
        ({"kind": "templates", "templates": ["{a}"], "words": "config/phrases/main.yaml"}, "which has no keys"),
        (
            {"kind": "perturbations", "phrases": [{"phrase": "apple", "noun": "apple"}], "contexts": ["on a tree"]},
            "a text with {phrase} in it once",
        ),
    ],
)
def test_a_wrong_option_is_one_line_before_anything_runs(entry, message):
    config = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    config["prompts"]["x"] = entry
    with pytest.raises(UserError) as caught:
        validate_config(config, ROOT)
    assert message in str(caught.value)
