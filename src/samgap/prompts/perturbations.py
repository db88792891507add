"""Kind `perturbations`: each phrase of a list, its paraphrases, and its negations.

Options that make paraphrases: `synonyms` (word: synonyms) replaces a word; `reorder` permutes the words before the last
one, and moves the last word to the front; `contexts` ("{phrase} on a tree") adds words that do not change the meaning.
Paraphrases share the concept of their phrase, so that metrics can group them. `negations` ("{base} that is not {word}")
turns a phrase with one attribute into a phrase that excludes this attribute.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.language import make_phrase_rows
from samgap.prompts.seed import Seed

ROW_KINDS = ("phrase", "other")
SPATIAL = False
INPUTS = ("phrase",)
UNLABELLED = ("other",)
SEED_OPTIONS: dict[str, Any] = {}
OPTIONS = {
    "required": ["phrases"],
    "properties": {
        "phrases": {"$ref": "#/$defs/phrases"},
        "synonyms": {
            "description": "Replacements for words of the phrases; default is none.",
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/texts"},
        },
        "reorder": {
            "description": "Whether the words are also put in other orders.",
            "type": "boolean",
            "default": False,
        },
        "contexts": {
            "description": 'Longer phrases that mean the same, as "{phrase} on a tree"; default is none.',
            "type": "array",
            "items": {
                "type": "string",
                "pattern": "^[^{}]*[{]phrase[}][^{}]*$",
                "description": "a text with {phrase} in it once, and no other braces",
            },
        },
        "negations": {
            "description": (
                'Negations of a phrase with one attribute, as "{base} that is not {word}"; default is none.'
            ),
            "type": "array",
            "items": {
                "type": "string",
                "pattern": "^[^{}]*[{](base[}][^{}]*[{]word|word[}][^{}]*[{]base)[}][^{}]*$",
                "description": "a text with {base} and {word} in it once each, and no other braces",
            },
        },
    },
}


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield one row for each image and variant of a phrase; each text is used once."""
    variants: dict[str, dict[str, Any]] = {}
    for phrase in options["phrases"]:
        for variant in perturb_phrase(phrase, options):
            variants.setdefault(variant["phrase"], variant)
    return make_phrase_rows(truth, variants.values())


def perturb_phrase(phrase: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the phrase, its paraphrases, and its negations."""
    text = " ".join(phrase["phrase"].split())
    paraphrases = [text, *_substitute_synonyms(text, options.get("synonyms", {}))]
    if options.get("reorder"):
        paraphrases += _reorder_words(text)
    paraphrases += [context.format(phrase=text) for context in options.get("contexts", [])]
    concept = phrase.get("concept", text)
    for paraphrase in paraphrases:
        yield {**phrase, "phrase": paraphrase, "concept": concept}
    word, _, base = text.rpartition(" ")
    if len(phrase.get("attributes", {})) == 1 and word and not phrase.get("without"):
        negated = {key: value for key, value in phrase.items() if key not in ("attributes", "concept")}
        for negation in options.get("negations", []):
            yield {**negated, "phrase": negation.format(base=base, word=word), "without": phrase["attributes"]}


def _substitute_synonyms(text: str, synonyms: Mapping[str, list[str]]) -> list[str]:
    variants = []
    for word, replacements in synonyms.items():
        parts = re.split(rf"\b{re.escape(word)}\b", text)
        if len(parts) > 1:
            variants += [replacement.join(parts) for replacement in replacements]
    return variants


def _reorder_words(text: str) -> list[str]:
    *words, last = text.split()
    orders = [" ".join((*order, last)) for order in permutations(words)][1:]
    return [*orders, " ".join((last, *words))] if words else []
