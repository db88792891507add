"""Kind `templates`: phrases made from templates such as "{ripeness} {base} but not {excluded}".

Option `words` lists the words of each slot with their meanings (keys of a phrase: noun, nouns, attributes, without,
other, seen, polarity). Every combination of words is a phrase, except contradictions: an attribute with two values, or
one that is both required and excluded. `sample` limits the number of phrases; the sample is the same on every data set.
A phrase that contains a combination of `unseen` (a noun and attributes) is marked as excluded from training.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.annotations.phrases import get_nouns
from samgap.errors import UserError
from samgap.prompts.language import make_phrase_rows
from samgap.prompts.seed import Seed

ROW_KINDS = ("phrase", "other")
SPATIAL = False
INPUTS = ("phrase",)
UNLABELLED = ("other",)
SEED_OPTIONS = {"sample": None}
OPTIONS = {
    "required": ["templates", "words"],
    "properties": {
        "templates": {
            "description": 'Phrases with slots in braces, as "{ripeness} {base}".',
            "$ref": "#/$defs/texts",
        },
        "words": {
            "description": (
                "The words of each slot with their meanings; or the path of a YAML file of them, from the repository's "
                "root."
            ),
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {
                    "description": "The meaning of the word; {} if the annotations do not distinguish it.",
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "noun": {"$ref": "#/$defs/phrase-noun"},
                        "nouns": {"$ref": "#/$defs/phrase-nouns"},
                        "attributes": {"$ref": "#/$defs/phrase-attributes"},
                        "without": {"$ref": "#/$defs/phrase-without"},
                        "polarity": {"$ref": "#/$defs/polarity"},
                        "other": {"$ref": "#/$defs/phrase-other"},
                    },
                },
            },
        },
        "sample": {
            "description": "Number of phrases to sample, with the run's seed; default is all.",
            "type": "integer",
            "minimum": 1,
        },
        "unseen": {
            "description": (
                "Combinations of a noun and attributes that trainings must not use, or the path of a YAML file of "
                "them, from the repository's root; default is none."
            ),
            "type": "array",
            "items": {
                "type": "object",
                "required": ["noun"],
                "minProperties": 2,
                "additionalProperties": {"$ref": "#/$defs/text"},
            },
        },
    },
}

SLOT_PATTERN = re.compile(r"\{([^{}]*)\}")
NOUN_KEYS = ("noun", "nouns", "other")


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield one row for each image and phrase of the templates, or of a sample of them."""
    phrases = expand_templates(options)
    if "sample" in options:
        ranked = sorted(phrases, key=lambda phrase: seed.make_sampling_key(phrase["phrase"]))
        sampled = {phrase["phrase"] for phrase in ranked[: options["sample"]]}
        phrases = [phrase for phrase in phrases if phrase["phrase"] in sampled]
    return make_phrase_rows(truth, phrases)


def expand_templates(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all phrases of the templates, each text once, in the order of the templates and their words.

    Raises:
        UserError: a slot has no words, a phrase has no noun, or one text has two meanings.
    """
    phrases: dict[str, dict[str, Any]] = {}
    for template in options["templates"]:
        for phrase in _expand_template(template, options):
            if phrases.setdefault(phrase["phrase"], phrase) != phrase:
                raise UserError(f"the templates make the phrase '{phrase['phrase']}' with two meanings; remove one")
    return list(phrases.values())


def _expand_template(template: str, options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    slots = list(dict.fromkeys(SLOT_PATTERN.findall(template)))
    for slot in slots:
        if slot not in options["words"]:
            raise UserError(f"the template '{template}' has the slot {{{slot}}}, which `words` does not list; add it")
    for choice in product(*(options["words"][slot].items() for slot in slots)):
        meaning = merge_meanings([meaning for _, meaning in choice])
        if meaning is None:
            continue
        text = _fill_template(template, dict(zip(slots, (word for word, _ in choice), strict=True)))
        if not set(NOUN_KEYS) & meaning.keys():
            raise UserError(
                f"the phrase '{text}' of the template '{template}' has no noun; give one of its words a noun"
            )
        if is_unseen(meaning, options.get("unseen", [])):
            meaning["seen"] = False
        yield {"phrase": text, **meaning}


def _fill_template(template: str, words: Mapping[str, str]) -> str:
    # Splitting at the slots alternates text and slot names.
    parts = SLOT_PATTERN.split(template)
    text = "".join(words[part] if index % 2 else part for index, part in enumerate(parts))
    return " ".join(text.split())


def merge_meanings(meanings: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the combined meaning of several words, or None if they contradict each other."""
    merged: dict[str, Any] = {}
    for meaning in meanings:
        for key, value in meaning.items():
            if key in ("attributes", "without"):
                attributes = merged.get(key, {})
                if any(attributes.get(name, required) != required for name, required in value.items()):
                    return None
                merged[key] = {**attributes, **value}
            else:
                merged[key] = value
    if set(merged.get("attributes", {})) & set(merged.get("without", {})):
        return None
    return merged


def is_unseen(phrase: Mapping[str, Any], combinations: Sequence[Mapping[str, str]]) -> bool:
    """Return whether a phrase contains all of one of the combinations, each of a noun and attributes."""
    attributes = phrase.get("attributes", {})
    return any(
        combination["noun"] in get_nouns(phrase)
        and all(attributes.get(name) == value for name, value in combination.items() if name != "noun")
        for combination in combinations
    )
