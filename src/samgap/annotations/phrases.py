"""Find the instances that a noun phrase refers to, and the phrases that the labels cannot evaluate.

A phrase is a mapping as in the configuration: `phrase` (the text), `noun` (or `nouns` for a word that covers several),
optionally `attributes` that an instance must have, `without` (attributes, or a `noun`, that it must not have), and
`seen: false` if training must not use the phrase. `other: true` marks objects that are present but not labelled.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from samgap.annotations.ground_truth import GroundTruth, Instance


def get_nouns(phrase: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the nouns that the phrase may refer to; none for objects that are not labelled."""
    if phrase.get("other"):
        return ()
    return tuple(phrase["nouns"]) if "nouns" in phrase else (phrase["noun"],)


def is_trainable(phrase: Mapping[str, Any]) -> bool:
    """Return whether training may use the phrase; other phrases measure generalisation to new phrases."""
    return bool(phrase.get("seen", True))


def get_polarity(phrase: Mapping[str, Any]) -> str:
    """Return `negated` if the phrase excludes instances ("apples that are not ripe"), else `positive`."""
    return str(phrase.get("polarity", "negated" if phrase.get("without") else "positive"))


def is_evaluable(phrase: Mapping[str, Any], truth: GroundTruth) -> bool:
    """Return whether the nouns and all attribute values of the phrase are labelled in the data set."""
    if phrase.get("other") or not truth.nouns.issuperset(get_nouns(phrase)):
        return False
    labelled_values = {**truth.attributes, "noun": truth.nouns}
    return all(value in labelled_values.get(name, ()) for name, value in _iter_attribute_values(phrase))


def is_referent(phrase: Mapping[str, Any], instance: Instance) -> bool:
    """Return whether the instance has a noun and all attributes of the phrase, and none that the phrase excludes."""
    required, excluded = phrase.get("attributes", {}), phrase.get("without", {})
    labels = {**instance.attributes, "noun": instance.noun}
    return (
        instance.noun in get_nouns(phrase)
        and all(labels.get(name) == value for name, value in required.items())
        and not any(labels.get(name) == value for name, value in excluded.items())
    )


def has_lost_labels(phrase: Mapping[str, Any], image_id: int, truth: GroundTruth) -> bool:
    """Return whether labels that the phrase depends on could not be used in an image.

    These are labels of the phrase's nouns (of any noun, for a phrase of objects that are not labelled), and the values
    of the attributes that it names. The absence of such a label does not mean that the object is absent: a right
    prediction could be counted as a false positive. A phrase that is not evaluable anyway depends on no label.
    """
    if truth.is_complete(image_id) or not (phrase.get("other") or is_evaluable(phrase, truth)):
        return False
    nouns = get_nouns(phrase)
    incomplete = truth.incomplete_nouns(image_id)
    if incomplete if not nouns else incomplete.intersection(nouns):
        return True
    names = {name for name, _ in _iter_attribute_values(phrase)}
    return any(
        instance.noun in nouns and not instance.ignore and instance.unknown_attributes & names
        for instance in truth.instances_of(image_id)
    )


def find_truth_ids(phrase: Mapping[str, Any], image_id: int, truth: GroundTruth) -> list[int] | None:
    """Return the ids of the instances in an image that the phrase refers to, or None if it is not evaluable there.

    A phrase that excludes an attribute is also not evaluable in an image with an instance of its nouns that has no
    label of that attribute: whether a ball is "not ripe" is undefined. Nor is a phrase evaluable in an image that lost
    labels which it depends on (`has_lost_labels`).
    """
    if not is_evaluable(phrase, truth) or has_lost_labels(phrase, image_id, truth):
        return None
    candidates = [
        instance
        for instance in truth.instances_of(image_id)
        if not instance.ignore and instance.noun in get_nouns(phrase)
    ]
    excluded_names = [name for name in phrase.get("without", {}) if name != "noun"]
    if any(name not in instance.attributes for instance in candidates for name in excluded_names):
        return None
    return [instance.id for instance in candidates if is_referent(phrase, instance)]


def is_presence_known(
    phrase: Mapping[str, Any], image_id: int, truth: GroundTruth, truth_ids: Sequence[int] | None
) -> bool:
    """Return whether the labels say that a phrase is present in, or absent from, an image.

    They do not if the phrase is not evaluable there, or if it has no instance there while instances of its nouns are
    marked `ignore`, whose attributes do not matter. This decides one phrase on one image, for trainings, which have no
    table `pairs`; metrics select the rows of this table by the same rule, `metrics.row_masks.has_known_presence`.

    Args:
        phrase: the phrase.
        image_id: id of the image.
        truth: the ground truth.
        truth_ids: result of `find_truth_ids` for them.
    """
    if truth_ids is None:
        return False
    nouns = set(get_nouns(phrase)) - {phrase.get("without", {}).get("noun")}
    is_ignored = any(instance.ignore and instance.noun in nouns for instance in truth.instances_of(image_id))
    return bool(truth_ids) or not is_ignored


def names_attribute(phrase: Mapping[str, Any], attribute: str) -> bool:
    """Return whether the phrase requires or excludes a value of an attribute."""
    return any(name == attribute for name, _ in _iter_attribute_values(phrase))


def _iter_attribute_values(phrase: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in ("attributes", "without"):
        yield from phrase.get(key, {}).items()
