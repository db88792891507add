"""Phrases as rows: each asked of every image, with what it means there."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from samgap.errors import UserError
from samgap.phrases import nouns, polarity, seen, truth_ids
from samgap.truth import Truth


def rows(truth: Truth, phrases: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
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
                "truth_ids": truth_ids(phrase, image_id, truth),
                **tags(phrase),
            }


def tags(phrase: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a phrase beside its text."""
    return {
        "nouns": list(nouns(phrase)) or None,
        "attributes": phrase.get("attributes"),
        "without": phrase.get("without"),
        "polarity": polarity(phrase),
        "seen": None if phrase.get("other") else seen(phrase),
        "concept": phrase.get("concept"),
        "level": phrase.get("level"),
    }
