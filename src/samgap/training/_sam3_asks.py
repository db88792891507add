"""What is asked about a training image: a few phrases, some of them absent, some with boxes of examples beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samgap.phrases import covers
from samgap.truth import Instance

VISUAL = "visual"
"""The text that the package asks with boxes alone."""


@dataclass(frozen=True)
class Ask:
    """One question: its text, the instances that answer it, and examples, an instance each and whether it is one."""

    text: str
    targets: tuple[int, ...]
    examples: tuple[tuple[int, bool], ...] = ()


def asks(
    phrases: Sequence[Mapping[str, Any]],
    there: Sequence[Instance],
    unsure: Sequence[Instance],
    rng: np.random.Generator,
    options: Mapping[str, Any],
) -> list[Ask]:
    """Questions about an image in which the instances `there` are seen, and `unsure` too little to be asked for.

    At most `positives` phrases that cover something and `negatives` that cover nothing (options of the training); a
    phrase that covers only `unsure` ones is not asked. The shorter a phrase, the likelier it is asked. A share
    `exemplars` of the questions shows one or two answers, and now and then a wrong one, as boxes.
    """
    present, absent = [], []
    for phrase in phrases:
        targets = tuple(item.id for item in there if covers(phrase, item))
        if targets:
            present.append((phrase, targets))
        elif not any(covers(phrase, item) for item in unsure):
            absent.append((phrase, targets))
    asked = _some(present, options.get("positives", len(present)), rng)
    asked += _some(absent, options["negatives"], rng)
    return [_ask(phrase, targets, there, rng, options.get("exemplars", 0.0)) for phrase, targets in asked]


def _some(
    found: Sequence[tuple[Mapping[str, Any], tuple[int, ...]]], count: int, rng: np.random.Generator
) -> list[tuple[Mapping[str, Any], tuple[int, ...]]]:
    if not found or not count:
        return []
    weight = np.array([1 / (1 + len(phrase.get("attributes", ()))) for phrase, _ in found])
    chosen = rng.choice(len(found), min(count, len(found)), replace=False, p=weight / weight.sum())
    return [found[index] for index in chosen]


def _ask(
    phrase: Mapping[str, Any],
    targets: tuple[int, ...],
    there: Sequence[Instance],
    rng: np.random.Generator,
    share: float,
) -> Ask:
    if not targets or rng.random() >= share:
        return Ask(phrase["phrase"], targets)
    right = rng.permutation(targets)[: rng.integers(1, 3)]
    wrong = rng.permutation([item.id for item in there if item.id not in targets])[: rng.integers(0, 2)]
    # Boxes alone can say a noun, but hardly which of an apple's attributes is meant.
    alone = "noun" in phrase and "attributes" not in phrase and rng.random() < 0.5
    examples = [(int(number), True) for number in right] + [(int(number), False) for number in wrong]
    return Ask(VISUAL if alone else phrase["phrase"], targets, tuple(examples))
