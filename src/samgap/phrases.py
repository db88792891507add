"""What a noun phrase means on a data set: which instances it covers, or that the labels cannot say.

A phrase is a mapping as the config writes it: `phrase` (the text), `noun`, optional `attributes`, or `other: true`
for things that are present but not labelled.
"""

from collections.abc import Mapping
from typing import Any

from samgap.truth import Instance, Truth


def evaluable(phrase: Mapping[str, Any], truth: Truth) -> bool:
    """Do the labels know every instance of this phrase? Its noun must be labelled, and so must each attribute."""
    if phrase.get("other") or phrase["noun"] not in truth.nouns:
        return False
    return all(value in truth.attributes.get(name, ()) for name, value in phrase.get("attributes", {}).items())


def covers(phrase: Mapping[str, Any], instance: Instance) -> bool:
    """Is `instance` of the phrase's noun, with all its attributes?"""
    wanted = phrase.get("attributes", {})
    return instance.noun == phrase["noun"] and all(instance.attributes.get(name) == wanted[name] for name in wanted)


def truth_ids(phrase: Mapping[str, Any], image_id: int, truth: Truth) -> list[int] | None:
    """Ids of the instances that a right answer covers; empty when there is none; None when not evaluable."""
    if not evaluable(phrase, truth):
        return None
    return [item.id for item in truth.of(image_id) if not item.ignore and covers(phrase, item)]
