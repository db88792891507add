"""Text prompts of a training image: phrases with and without instances, some of them with boxes of exemplars."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samgap.annotations.ground_truth import Instance
from samgap.annotations.phrases import get_nouns, is_referent

VISUAL_PHRASE = "visual"
"""The text with which the package prompts by exemplars alone."""

Candidate = tuple[Mapping[str, Any], tuple[int, ...]]
"""A phrase, and the ids of the instances that it refers to."""


@dataclass(frozen=True)
class Query:
    """A text prompt with its ground truth."""

    text: str
    target_ids: tuple[int, ...]  # ids of the instances that the text refers to
    exemplars: tuple[tuple[int, bool], ...] = ()  # instance id and whether it is a positive example
    ignored_ids: tuple[int, ...] = ()  # ids of the ambiguous instances that the text may refer to


def sample_queries(
    phrases: Sequence[Mapping[str, Any]],
    visible: Sequence[Instance],
    ambiguous: Sequence[Instance],
    rng: np.random.Generator,
    options: Mapping[str, Any],
) -> list[Query]:
    """Sample the queries of an image; shorter phrases are more likely.

    Args:
        phrases: candidates; one that refers only to ambiguous instances, or may do so, is left out
        visible: instances that count as present
        ambiguous: instances that count neither as present nor as absent
        rng: source of randomness
        options: the training's `positives` (phrases with instances, at most; default all), `negatives` (phrases
            without instances, at most, or `all`), `negatives-per-positive` (the same for each phrase with instances),
            `hard-negatives` (share of them whose noun is in the image) and `exemplars` (fraction of queries with boxes
            of one or two targets and perhaps one other instance)
    """
    present, absent = [], []
    for phrase in phrases:
        targets = tuple(instance.id for instance in visible if is_referent(phrase, instance))
        if targets:
            present.append((phrase, targets))
        elif not any(_may_be_referent(phrase, instance) for instance in ambiguous):
            absent.append((phrase, targets))
    sampled = _sample_phrases(present, options.get("positives", len(present)), rng)
    sampled += _sample_negatives(absent, [*visible, *ambiguous], len(sampled), options, rng)
    queries = []
    for phrase, targets in sampled:
        query = _make_query(phrase, targets, visible, rng, options.get("exemplars", 0.0))
        ignored_ids = tuple(instance.id for instance in ambiguous if _may_be_referent(phrase, instance))
        queries.append(dataclasses.replace(query, ignored_ids=ignored_ids))
    return queries


def _sample_negatives(
    absent: Sequence[Candidate],
    instances: Sequence[Instance],
    n_positives: int,
    options: Mapping[str, Any],
    rng: np.random.Generator,
) -> list[Candidate]:
    """Sample absent phrases of an image with these instances, in which `n_positives` phrases are asked."""
    n_negatives = len(absent) if options["negatives"] == "all" else options["negatives"]
    if "negatives-per-positive" in options:
        n_negatives = min(n_negatives, math.ceil(options["negatives-per-positive"] * max(n_positives, 1)))
    if not options.get("hard-negatives"):
        return _sample_phrases(absent, n_negatives, rng)
    nouns = {instance.noun for instance in instances}
    hard = [candidate for candidate in absent if nouns.intersection(get_nouns(candidate[0]))]
    n_hard = int(rng.binomial(min(n_negatives, len(absent)), options["hard-negatives"]))
    chosen = _sample_phrases(hard, n_hard, rng)
    others = [candidate for candidate in absent if not any(candidate is each for each in chosen)]
    return chosen + _sample_phrases(others, n_negatives - len(chosen), rng)


def _may_be_referent(phrase: Mapping[str, Any], instance: Instance) -> bool:
    """Return whether the phrase refers to the instance, or would with suitable values of attributes without a label."""
    required = {name: value for name, value in phrase.get("attributes", {}).items() if name in instance.attributes}
    return is_referent({**phrase, "attributes": required}, instance)


def _sample_phrases(candidates: Sequence[Candidate], max_phrases: int, rng: np.random.Generator) -> list[Candidate]:
    if not candidates or not max_phrases:
        return []
    weights = np.array([1 / (1 + len(phrase.get("attributes", ()))) for phrase, _ in candidates])
    indices = rng.choice(len(candidates), min(max_phrases, len(candidates)), replace=False, p=weights / weights.sum())
    return [candidates[index] for index in indices]


def _make_query(
    phrase: Mapping[str, Any],
    target_ids: tuple[int, ...],
    visible: Sequence[Instance],
    rng: np.random.Generator,
    exemplar_probability: float,
) -> Query:
    if not target_ids or rng.random() >= exemplar_probability:
        return Query(phrase["phrase"], target_ids)
    positives = rng.permutation(target_ids)[: rng.integers(1, 3)]
    others = [instance.id for instance in visible if instance.id not in target_ids]
    negatives = rng.permutation(others)[: rng.integers(0, 2)]
    # Exemplars without text can specify a noun, but hardly one attribute of it.
    without_text = "noun" in phrase and "attributes" not in phrase and rng.random() < 0.5
    exemplars = [(int(id), True) for id in positives] + [(int(id), False) for id in negatives]
    return Query(VISUAL_PHRASE if without_text else phrase["phrase"], target_ids, tuple(exemplars))
