"""Phrases as rows: each asked of every image, with what it means there."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.annotations.phrases import find_truth_ids, get_nouns, get_polarity, is_trainable
from samgap.errors import UserError


def make_phrase_rows(truth: GroundTruth, phrases: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """One row for each image and phrase. An empty phrase, or one that stands there twice, raises UserError."""
    phrases = list(phrases)
    texts = [" ".join(phrase["phrase"].split()) for phrase in phrases]
    for number, text in enumerate(texts):
        if not text:
            raise UserError(f"phrase {number + 1} of the prompt set is empty; write it or take it out")
        if text in texts[:number]:
            raise UserError(f"the phrase '{text}' stands twice in the prompt set; take one out")
    for image_id in sorted(truth.images):
        for text, phrase in zip(texts, phrases, strict=True):
            yield {
                "image_id": image_id,
                "kind": "other" if phrase.get("other") else "phrase",
                "phrase": text,
                "truth_ids": find_truth_ids(phrase, image_id, truth),
                **select_phrase_columns(phrase),
            }


def select_phrase_columns(phrase: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a phrase beside its text."""
    return {
        "nouns": list(get_nouns(phrase)) or None,
        "attributes": phrase.get("attributes"),
        "without": phrase.get("without"),
        "polarity": get_polarity(phrase),
        "seen": None if phrase.get("other") else is_trainable(phrase),
        "concept": phrase.get("concept"),
        "level": phrase.get("level"),
    }
