"""What a noun phrase means on a data set: which instances it covers, or that the labels cannot say.

A phrase is a mapping as the config writes it: `phrase` (the text), `noun` (or `nouns`, for a word that covers several),
optional `attributes` that an instance must have and `without`, attributes that it must not have (`noun` may stand among
them), and `seen: false` where no training may ask it; or `other: true` for things that are present but not labelled.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth, Instance


def get_nouns(phrase: Mapping[str, Any]) -> tuple[str, ...]:
    """The nouns whose instances the phrase may cover; none for things that are not labelled."""
    if phrase.get("other"):
        return ()
    return tuple(phrase["nouns"]) if "nouns" in phrase else (phrase["noun"],)


def is_trainable(phrase: Mapping[str, Any]) -> bool:
    """May a training ask this phrase? One that it may not shows whether words carry over to new combinations."""
    return bool(phrase.get("seen", True))


def get_polarity(phrase: Mapping[str, Any]) -> str:
    """`negated` where its words rule something out ("apples that are not ripe"), else `positive`."""
    return str(phrase.get("polarity", "negated" if phrase.get("without") else "positive"))


def is_evaluable(phrase: Mapping[str, Any], truth: GroundTruth) -> bool:
    """Do the labels know every instance of this phrase? Its nouns must be labelled, and so must each attribute."""
    if phrase.get("other") or not truth.nouns.issuperset(get_nouns(phrase)):
        return False
    known = {**truth.attributes, "noun": truth.nouns}
    return all(value in known.get(name, ()) for name, value in _iter_attribute_values(phrase))


def is_referent(phrase: Mapping[str, Any], instance: Instance) -> bool:
    """Is `instance` of one of the phrase's nouns, with all its attributes and none that it rules out?"""
    wanted, unwanted = phrase.get("attributes", {}), phrase.get("without", {})
    labels = {**instance.attributes, "noun": instance.noun}
    return (
        instance.noun in get_nouns(phrase)
        and all(labels.get(name) == value for name, value in wanted.items())
        and not any(labels.get(name) == value for name, value in unwanted.items())
    )


def find_truth_ids(phrase: Mapping[str, Any], image_id: int, truth: GroundTruth) -> list[int] | None:
    """Ids of the instances that a right answer covers; empty when there is none; None when not evaluable.

    It is not evaluable either where an instance of its nouns lacks the label of an attribute that it rules out: of a
    ball, nobody said whether it is ripe.
    """
    if not is_evaluable(phrase, truth):
        return None
    there = [item for item in truth.instances_of(image_id) if not item.ignore and item.noun in get_nouns(phrase)]
    if any(name not in item.attributes for item in there for name in phrase.get("without", {}) if name != "noun"):
        return None
    return [item.id for item in there if is_referent(phrase, item)]


def _iter_attribute_values(phrase: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in ("attributes", "without"):
        yield from phrase.get(key, {}).items()
