"""Find annotations of one object that an image has several times, as merged files and repeated exports have them.

Counted twice, an object would be missed by every model at least once.
"""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from samgap.datasets import Annotation
from samgap.datasets.left_out import LEFT_OUT, LabelCounts

REPEATED = f"that repeat another {LEFT_OUT}"
"""Reason for which an annotation of equal content is not used."""
CONTRADICTING = "that repeat the shape of another with other values are joined with it, without these values"
"""Reason for which an annotation of equal shape is not used by itself."""
OTHER_NOUN = "that have the shape of an annotation of another noun are read"
"""Description of annotations one of which may have the wrong noun."""
OVERLAPPING = "whose box is nearly that of another of the same noun are read: are they one object?"
"""Description of annotations that may be of one object."""
MIN_IOU = 0.95
"""IoU from which boxes are nearly equal."""


@dataclass(frozen=True)
class ReadLabel:
    """An annotation of the data set.

    Attributes:
        id: Id of the annotation of the source, for messages.
        annotation: What was made from it.
        is_lost: Whether it is a region that is ignored, because its label cannot be used.
        counts: Counts of its file, if these are not those of the image.
    """

    id: str
    annotation: Annotation
    is_lost: bool = False
    counts: LabelCounts | None = None


def merge_repetitions(labels: Sequence[ReadLabel], counts: LabelCounts) -> list[Annotation]:
    """Return the annotations of an image, those of one noun and shape as one, in their order.

    If their attributes differ, these are unknown; if one of them is ignored, the one is.

    Args:
        labels: The annotations of the image.
        counts: Counts of the image: of the usable annotations that have no others, and of those that are not used.
    """
    numbers_by_content: dict[Hashable, int] = {}
    nouns_by_shape: dict[Hashable, set[str]] = defaultdict(set)
    merged: dict[int, ReadLabel] = {}
    for number, label in enumerate(labels):
        merged[number] = label
        if label.is_lost:
            continue
        annotation, shape = label.annotation, _hash_shape(label.annotation)
        first_number = numbers_by_content.setdefault((annotation.noun, shape), number)
        if first_number == number:
            (label.counts or counts).add_usable(annotation.noun)
            if nouns_by_shape[shape]:
                counts.changed[OTHER_NOUN].append(label.id)
            nouns_by_shape[shape].add(annotation.noun)
            continue
        first = merged[first_number]
        is_equal = _get_values(first.annotation) == _get_values(annotation)
        text = label.id if is_equal else f"{label.id} as {first.id}"
        counts.not_used[REPEATED if is_equal else CONTRADICTING].append(text)
        merged[first_number] = replace(first, annotation=_join(first.annotation, annotation))
        del merged[number]
    _note_overlaps([label for label in merged.values() if not label.is_lost], counts)
    return [label.annotation for label in merged.values()]


def _hash_shape(annotation: Annotation) -> Hashable:
    if annotation.mask is None:
        return annotation.box
    mask = np.ascontiguousarray(annotation.mask)
    return annotation.offset, mask.shape, hashlib.sha256(mask.tobytes()).digest()


def _get_values(annotation: Annotation) -> tuple[dict[str, str], set[str], bool]:
    """Return all that can differ between annotations of a COCO file that have the same noun and shape."""
    return dict(annotation.attributes), set(annotation.unknown_attributes), annotation.ignore


def _join(first: Annotation, second: Annotation) -> Annotation:
    """Return the first annotation with the attributes of which both have the same value."""
    names = {*first.attributes, *second.attributes}
    values = {name: value for name, value in first.attributes.items() if second.attributes.get(name) == value}
    unknown = {*first.unknown_attributes, *second.unknown_attributes, *(names - values.keys())}
    return replace(
        first,
        attributes=values,
        unknown_attributes=tuple(sorted(unknown)),
        ignore=first.ignore or second.ignore,
    )


def _note_overlaps(labels: Sequence[ReadLabel], counts: LabelCounts) -> None:
    """Record the annotations whose box nearly equals that of an earlier one of the same noun."""
    by_noun: dict[str, list[ReadLabel]] = defaultdict(list)
    for label in labels:
        if not label.annotation.ignore:
            by_noun[label.annotation.noun].append(label)
    for same_noun in by_noun.values():
        boxes = np.array([_get_box(label.annotation) for label in same_noun])
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        for number, label in enumerate(same_noun[1:], start=1):
            low = np.maximum(boxes[:number, :2], boxes[number, :2])
            high = np.minimum(boxes[:number, 2:], boxes[number, 2:])
            intersections = np.clip(high - low, 0, None).prod(axis=1)
            unions = areas[:number] + areas[number] - intersections
            matches = np.flatnonzero(intersections >= MIN_IOU * unions)
            if len(matches):
                counts.changed[OVERLAPPING].append(f"{label.id} as {same_noun[matches[0]].id}")


def _get_box(annotation: Annotation) -> tuple[float, float, float, float]:
    """Return the corners of an annotation in px; the crop of a mask is that of its box."""
    if annotation.mask is None:
        assert annotation.box is not None
        return annotation.box
    row, column = annotation.offset or (0, 0)
    height, width = annotation.mask.shape
    return column, row, column + width, row + height
