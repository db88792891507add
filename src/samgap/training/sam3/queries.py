"""What is asked about a training image: a few phrases, some of them absent, some with boxes of examples beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samgap.annotations.ground_truth import Instance
from samgap.annotations.phrases import is_referent

VISUAL_PHRASE = "visual"
"""The text that the package asks with boxes alone."""


@dataclass(frozen=True)
class Query:
    """One question: its text, the instances that answer it, and examples, an instance each and whether it is one."""

    text: str
    target_ids: tuple[int, ...]
    exemplars: tuple[tuple[int, bool], ...] = ()


def sample_queries(
    phrases: Sequence[Mapping[str, Any]],
    visible: Sequence[Instance],
    ambiguous: Sequence[Instance],
    rng: np.random.Generator,
    options: Mapping[str, Any],
) -> list[Query]:
    """Questions about an image in which the instances `there` are seen, and `unsure` too little to be asked for.

    At most `positives` phrases that cover something and `negatives` that cover nothing (options of the training); a
    phrase that covers only `unsure` ones is not asked. The shorter a phrase, the likelier it is asked. A share
    `exemplars` of the questions shows one or two answers, and now and then a wrong one, as boxes.
    """
    present, absent = [], []
    for phrase in phrases:
        targets = tuple(item.id for item in visible if is_referent(phrase, item))
        if targets:
            present.append((phrase, targets))
        elif not any(is_referent(phrase, item) for item in ambiguous):
            absent.append((phrase, targets))
    asked = _sample_phrases(present, options.get("positives", len(present)), rng)
    asked += _sample_phrases(absent, options["negatives"], rng)
    return [_make_query(phrase, targets, visible, rng, options.get("exemplars", 0.0)) for phrase, targets in asked]


def _sample_phrases(
    candidates: Sequence[tuple[Mapping[str, Any], tuple[int, ...]]], max_phrases: int, rng: np.random.Generator
) -> list[tuple[Mapping[str, Any], tuple[int, ...]]]:
    if not candidates or not max_phrases:
        return []
    weight = np.array([1 / (1 + len(phrase.get("attributes", ()))) for phrase, _ in candidates])
    chosen = rng.choice(len(candidates), min(max_phrases, len(candidates)), replace=False, p=weight / weight.sum())
    return [candidates[index] for index in chosen]


def _make_query(
    phrase: Mapping[str, Any],
    target_ids: tuple[int, ...],
    visible: Sequence[Instance],
    rng: np.random.Generator,
    exemplar_probability: float,
) -> Query:
    if not target_ids or rng.random() >= exemplar_probability:
        return Query(phrase["phrase"], target_ids)
    right = rng.permutation(target_ids)[: rng.integers(1, 3)]
    wrong = rng.permutation([item.id for item in visible if item.id not in target_ids])[: rng.integers(0, 2)]
    # Boxes alone can say a noun, but hardly which of an apple's attributes is meant.
    alone = "noun" in phrase and "attributes" not in phrase and rng.random() < 0.5
    examples = [(int(number), True) for number in right] + [(int(number), False) for number in wrong]
    return Query(VISUAL_PHRASE if alone else phrase["phrase"], target_ids, tuple(examples))
