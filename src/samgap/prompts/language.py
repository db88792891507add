"""Rows of table `prompts` from phrases: one for each image and phrase, with the instances that the phrase refers to."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.annotations.phrases import find_truth_ids, get_nouns, get_polarity, has_lost_labels, is_trainable
from samgap.errors import UserError


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
