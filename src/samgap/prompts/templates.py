"""Kind `templates`: phrases made from `templates` such as "{ripeness} {base} but not {excluded}" and `words` for each
slot, with what each word means (keys of a phrase: noun, nouns, attributes, without, other, seen, polarity).

Every choice of words is a phrase, but for those that contradict themselves: an attribute with two values, or one that
is both asked for and ruled out. Of many, a sample of `sample` is asked, the same on every data set. A phrase that asks
for all of a combination in `unseen` (a noun and attributes) is tagged as one that no training may ask.
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

SLOT_PATTERN = re.compile(r"\{([^{}]*)\}")
NOUN_KEYS = ("noun", "nouns", "other")


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    found = expand_templates(options)
    chosen = sorted(found, key=lambda phrase: seed.sampling_key(phrase["phrase"]))[: options.get("sample", len(found))]
    kept = {phrase["phrase"] for phrase in chosen}
    return make_phrase_rows(truth, [phrase for phrase in found if phrase["phrase"] in kept])


def expand_templates(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All phrases of the templates, each text once, in the order of the templates and their words."""
    found: dict[str, dict[str, Any]] = {}
    for template in options["templates"]:
        slots = list(dict.fromkeys(SLOT_PATTERN.findall(template)))
        for slot in slots:
            if slot not in options["words"]:
                raise UserError(
                    f"the template '{template}' has the slot {{{slot}}}, for which `words` has none; add it"
                )
        for chosen in product(*(options["words"][slot].items() for slot in slots)):
            words = dict(zip(slots, (word for word, _ in chosen), strict=True))
            # The template split at its slots: every other part is a slot's name.
            parts = [words[part] if odd % 2 else part for odd, part in enumerate(SLOT_PATTERN.split(template))]
            text = " ".join("".join(parts).split())
            meaning = merge_meanings([meaning for _, meaning in chosen])
            if meaning is None:
                continue
            if not set(NOUN_KEYS) & meaning.keys():
                raise UserError(
                    f"the phrase '{text}' of the template '{template}' names no noun; give a word of it one"
                )
            if is_unseen(meaning, options.get("unseen", [])):
                meaning["seen"] = False
            phrase = {"phrase": text, **meaning}
            if found.setdefault(text, phrase) != phrase:
                raise UserError(f"the templates make the phrase '{text}' with two meanings; take one out")
    return list(found.values())


def merge_meanings(meanings: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What words mean together; None where they contradict each other."""
    found: dict[str, Any] = {}
    for meaning in meanings:
        for key, value in meaning.items():
            if key in ("attributes", "without"):
                known = found.setdefault(key, {})
                if any(known.get(name, each) != each for name, each in value.items()):
                    return None
                found[key] = {**known, **value}
            else:
                found[key] = value
    if set(found.get("attributes", {})) & set(found.get("without", {})):
        return None
    return found


def is_unseen(phrase: Mapping[str, Any], combinations: Sequence[Mapping[str, str]]) -> bool:
    """Does the phrase ask for all of one of `combinations`, each a noun and attributes?"""
    asked = phrase.get("attributes", {})
    return any(
        each["noun"] in get_nouns(phrase) and all(asked.get(name) == each[name] for name in each if name != "noun")
        for each in combinations
    )
