"""Rows of table `prompts` from phrases: one for each image and phrase, with the instances that the phrase refers to."""

import difflib
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.annotations.phrases import find_truth_ids, get_nouns, get_polarity, has_lost_labels, is_trainable
from samgap.errors import UserError

SIMILAR = 0.8
"""Similarity of two words of the same first letter, 0 to 1, from which one may be a slip for the other."""

logger = logging.getLogger("samgap")


def make_phrase_rows(truth: GroundTruth, phrases: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield one row for each image and phrase.

    Raises:
        UserError: a phrase is empty or is in the list twice.
    """
    phrases = list(phrases)
    texts = [" ".join(phrase["phrase"].split()) for phrase in phrases]
    for index, text in enumerate(texts):
        if not text:
            raise UserError(f"phrase {index + 1} of the prompt set is empty; write it or remove it")
        if text in texts[:index]:
            raise UserError(f"the phrase '{text}' is in the prompt set twice; remove one of them")
        for warning in find_slips(phrases[index], truth):
            logger.warning("warning: the phrase '%s' %s", text, warning)
    for image_id in sorted(truth.images):
        for text, phrase in zip(texts, phrases, strict=True):
            yield {
                "image_id": image_id,
                "kind": "other" if phrase.get("other") else "phrase",
                "phrase": text,
                "truth_ids": find_truth_ids(phrase, image_id, truth),
                "lost_labels": has_lost_labels(phrase, image_id, truth),
                **select_phrase_columns(phrase),
            }


def find_slips(phrase: Mapping[str, Any], truth: GroundTruth) -> Iterator[str]:
    """Yield a warning for each word of a phrase that is no label but nearly one, as it may be a slip.

    Words that are like no label are none: a phrase may name what a data set does not label.
    """
    labelled = {**truth.attributes, "noun": tuple(sorted(truth.nouns))}
    named = [("noun", noun) for noun in get_nouns(phrase)]
    named += [item for key in ("attributes", "without") for item in phrase.get(key, {}).items()]
    for name, value in named:
        if name not in labelled:
            if similar := _find_similar(name, labelled):
                yield f"names the attribute {name}, which is not labelled (did you mean {similar}?): not evaluable"
        elif value not in labelled[name] and (similar := _find_similar(value, labelled[name])):
            yield f"has the {name} {value}, which is not labelled (did you mean {similar}?): not evaluable"


def _find_similar(word: str, labels: Iterable[str]) -> str | None:
    """Return the label that is most similar to a word and has its first letter: `unripe` is no slip for `ripe`."""
    by_text = {label.casefold(): label for label in labels if label[:1].casefold() == word[:1].casefold()}
    matches = difflib.get_close_matches(word.casefold(), sorted(by_text), n=1, cutoff=SIMILAR)
    return by_text[matches[0]] if matches else None


def select_phrase_columns(phrase: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of table `prompts` that describe a phrase, except its text."""
    return {
        "nouns": list(get_nouns(phrase)) or None,
        "attributes": phrase.get("attributes"),
        "without": phrase.get("without"),
        "polarity": get_polarity(phrase),
        "seen": None if phrase.get("other") else is_trainable(phrase),
        "concept": phrase.get("concept"),
        "level": phrase.get("level"),
    }
