"""The prompt sets of the repository's configurations, and invalid options of prompt sets."""

from pathlib import Path

import pytest
import yaml

from samgap.config.validate import validate_config
from samgap.errors import UserError
from samgap.prompts import perturbations, templates

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=["config", "demo"])
def prompt_sets(request):
    return validate_config(yaml.safe_load((ROOT / f"config/{request.param}.yaml").read_text(encoding="utf-8")), ROOT)[
        "prompts"
    ]


def list_phrases(entry):
    """Return all phrases of a prompt set, before sampling."""
    if entry["kind"] == "templates":
        return templates.expand_templates(entry)
    if entry["kind"] == "perturbations":
        return [variant for phrase in entry["phrases"] for variant in perturbations.perturb_phrase(phrase, entry)]
    return entry.get("phrases", [])


def test_there_are_750_combinations_and_21_attributes(prompt_sets):
    assert len(list_phrases(prompt_sets["combinations"])) == 750
    assert 0 < prompt_sets["combinations"]["sample"] < 750
    assert len(list_phrases(prompt_sets["attributes"])) == 5 + 6 + 5 + 5


def test_every_phrase_is_unique_in_its_set_and_has_one_meaning(prompt_sets):
    for name, entry in prompt_sets.items():
        phrases = list_phrases(entry)
        if entry["kind"] in ("phrases", "templates"):
            texts = [phrase["phrase"] for phrase in phrases]
            assert len(texts) == len(set(texts)), name
        for phrase in phrases:
            assert len({"noun", "nouns", "other"} & set(phrase)) == 1, (name, phrase)
            assert not set(phrase.get("attributes") or {}) & set(phrase.get("without") or {}), (name, phrase)


def test_instructions_have_three_levels_and_some_are_not_evaluable(prompt_sets):
    phrases = list_phrases(prompt_sets["instructions"])
    levels = [phrase["level"] for phrase in phrases]
    assert set(levels) == {"concept", "simple", "complex"}
    assert all(levels.count(level) >= 8 for level in set(levels))
    for level in ("simple", "complex"):
        # No data set labels a place.
        assert any("place" in phrase.get("attributes", {}) for phrase in phrases if phrase["level"] == level)


def test_unseen_phrases_are_marked(prompt_sets):
    if "unseen" in prompt_sets:
        assert all(phrase["seen"] is False for phrase in prompt_sets["unseen"]["phrases"])
        return
    unseen = [phrase for phrase in list_phrases(prompt_sets["combinations"]) if phrase.get("seen") is False]
    combinations = [
        {"health": "damaged", "colour": "green"},
        {"ripeness": "overripe", "colour": "yellow"},
        {"health": "diseased", "ripeness": "unripe"},
        {"size": "large", "colour": "yellow"},
    ]
    assert unseen
    for phrase in unseen:
        assert any(combination.items() <= phrase["attributes"].items() for combination in combinations)


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
def test_an_invalid_option_raises_a_one_line_error_before_the_plan(entry, message):
    config = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))
    config["prompts"]["x"] = entry
    with pytest.raises(UserError) as caught:
        validate_config(config, ROOT)
    assert message in str(caught.value)
