"""Nouns of COCO categories; attributes of annotations: from the options, the category, and the annotation itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from samgap.datasets.coco_ids import show
from samgap.datasets.names import suggest_name

RESERVED_KEYS = frozenset(
    ("id", "image_id", "category_id", "bbox", "segmentation", "area", "iscrowd", "ignore", "attributes", "keypoints")
)
"""Keys of COCO, which are not attributes at the top level of an annotation."""


@dataclass(frozen=True)
class Category:
    """What the option `nouns` says of a category.

    Attributes:
        noun: Noun of its instances.
        attributes: Attributes that it implies.
        missing_attributes: Attributes that only other categories imply. An instance of this category may have them.
    """

    noun: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    missing_attributes: tuple[str, ...] = ()


def parse_categories(nouns: Mapping[str, Any]) -> dict[str, Category]:
    """Return the noun and the attributes of each category of the option `nouns`."""
    parsed = {
        name: Category(meaning)
        if isinstance(meaning, str)
        else Category(meaning["noun"], meaning.get("attributes", {}))
        for name, meaning in nouns.items()
    }
    implied = dict.fromkeys(name for category in parsed.values() for name in category.attributes)
    return {
        name: replace(
            category, missing_attributes=tuple(missing for missing in implied if missing not in category.attributes)
        )
        for name, category in parsed.items()
    }


@dataclass
class ReadAttributes:
    """The attributes of an annotation.

    Attributes:
        values: Attribute name -> value.
        unknown: Attributes without a value that could be read.
        problems: Descriptions of what could not be read, each of which completes "n annotations …".
    """

    values: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_attributes(
    coco_annotation: Mapping[str, Any], category: Category, options: Mapping[str, Any]
) -> ReadAttributes:
    """Return the attributes of an annotation.

    An attribute of the option `attribute-values` is read from the object `attributes` of the annotation, or from its
    top level, as FiftyOne writes it. An attribute of the option `attributes` has that value for all instances. An
    attribute of the category has the value of the category. An attribute with two values is unknown, and so is one that
    only other categories imply: that an apple is not of the category "red apple" does not say that it is not red.

    Args:
        coco_annotation: The annotation as in the file.
        category: Its category.
        options: Options of the data set.
    """
    fixed: Mapping[str, str] = options.get("attributes", {})
    declared: Mapping[str, list[str]] = options.get("attribute-values", {})
    read = ReadAttributes({**fixed, **category.attributes})
    for name in {**declared, **fixed}:
        texts = list(dict.fromkeys(_list_values(coco_annotation, name)))
        if name in fixed:
            if any(text != read.values[name] for text in texts):
                read.problems.append(f"have another value of {name} than the options, which is used")
            continue
        if name in category.attributes:
            texts = list(dict.fromkeys([category.attributes[name], *texts]))
        if len(texts) > 1:
            read.problems.append(f"have two values of {name} and are read without it")
        elif not texts or texts[0] not in (*declared[name], category.attributes.get(name)):
            read.problems.append(_describe_undeclared(name, texts, declared[name]))
        else:
            read.values[name] = texts[0]
            continue
        read.values.pop(name, None)
        read.unknown.append(name)
    for name in category.missing_attributes:
        if name not in {**declared, **fixed}:
            read.problems.append(f"of a category without a value of {name} are read without it")
            read.unknown.append(name)
    return read


def _describe_undeclared(name: str, texts: list[str], declared: list[str]) -> str:
    """Return why a value is not read; a value that is nearly a declared one is named, as it may be a slip."""
    hint = suggest_name(texts[0], declared) if texts else ""
    if hint:
        return f"with the value {show(texts[0])[1:-1]} of {name}{hint} are read without it"
    return f"without a declared value of {name} are read without it"


def _list_values(coco_annotation: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield the value of an attribute in `attributes` and at the top level, as text; null is no value."""
    nested = coco_annotation.get("attributes")
    sources = [nested] if isinstance(nested, Mapping) else []
    if name not in RESERVED_KEYS:
        sources.append(coco_annotation)
    for source in sources:
        value = source.get(name)
        if isinstance(value, bool):
            yield str(value).lower()
        elif isinstance(value, str | int | float):
            yield str(value)
        elif value is not None:
            yield f"a {type(value).__name__}"
