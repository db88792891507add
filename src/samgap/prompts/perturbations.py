"""Kind `perturbations`: each phrase of the list as it is, and worded in other ways.

`synonyms` (word: its synonyms) puts one in the place of a word; `reorder` puts the words in every other order that
keeps the last one, or puts that first; `contexts` ("{phrase} on a tree") say more about the scene and mean the same.
These bear the concept of their phrase, so that metrics see paraphrases. `negations` ("{base} that is not {word}") turn
a phrase of one attribute round: what it asks for is ruled out.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.language import make_phrase_rows
from samgap.prompts.seed import Seed


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for phrase in options["phrases"]:
        for worded in perturb_phrase(phrase, options):
            found.setdefault(worded["phrase"], worded)
    return make_phrase_rows(truth, found.values())


def perturb_phrase(phrase: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The phrase itself, its paraphrases, and its negations."""
    text = " ".join(phrase["phrase"].split())
    paraphrases = [text, *_substitute_synonyms(text, options.get("synonyms", {}))]
    if options.get("reorder"):
        paraphrases += _reorder_words(text)
    paraphrases += [context.format(phrase=text) for context in options.get("contexts", [])]
    concept = phrase.get("concept", text)
    for each in paraphrases:
        yield {**phrase, "phrase": each, "concept": concept}
    word, _, base = text.rpartition(" ")
    if len(phrase.get("attributes", {})) == 1 and word and not phrase.get("without"):
        turned = {key: value for key, value in phrase.items() if key not in ("attributes", "concept")}
        for negation in options.get("negations", []):
            yield {**turned, "phrase": negation.format(base=base, word=word), "without": phrase["attributes"]}


def _substitute_synonyms(text: str, synonyms: Mapping[str, list[str]]) -> list[str]:
    found = []
    for word, others in synonyms.items():
        parts = re.split(rf"\b{re.escape(word)}\b", text)
        found += [other.join(parts) for other in others if len(parts) > 1]
    return found


def _reorder_words(text: str) -> list[str]:
    *words, last = text.split()
    orders = [" ".join((*order, last)) for order in permutations(words)][1:]
    return [*orders, " ".join((last, *words))] if words else []
