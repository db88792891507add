"""Parse COCO files: join their annotations with their images, and tell which annotations cannot be used, and why."""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from samgap.datasets.coco_checks import check_geometry
from samgap.datasets.coco_ids import IdIndex, Reference, reference_key, show, to_id_text
from samgap.datasets.coco_json import load_coco_json
from samgap.datasets.coco_values import InvalidAnnotationError, parse_size
from samgap.datasets.left_out import LEFT_OUT
from samgap.datasets.names import split_path, summarize_names
from samgap.errors import UserError

UNKNOWN_IMAGE = f"of an unknown image {LEFT_OUT}"
"""Reason for which an annotation without an image is lost."""
UNKNOWN_CATEGORY = f"of an unknown category {LEFT_OUT}"
"""Reason for which an annotation without a category is lost."""
CORNERS = f"with a box that seems to be corners x0, y0, x1, y1 {LEFT_OUT}"
"""Reason for which an annotation is lost whose box is not x, y, width, height."""


@dataclass(frozen=True)
class CocoLabel:
    """An annotation of a COCO file.

    Attributes:
        id: Id for messages.
        category: Name of its category; None if the file does not list the category.
        values: The annotation as in the file.
        source_name: Name of the COCO file for messages.
    """

    id: str
    category: str | None
    values: Mapping[str, Any]
    source_name: str = ""


@dataclass(frozen=True)
class CocoImage:
    """An image of a COCO file with its annotations.

    Attributes:
        file_name: File name as in the COCO file.
        size: Width and height in px; None if the COCO file does not state them.
        source_name: Name of the COCO file for messages.
        labels: Annotations of categories that have a noun.
        lost: Annotations that cannot be used, each with the reason.
        not_used: Ids of annotations that are left out on purpose, each with the reason.
        changed: Ids of annotations that are read in another way than written, each with the description.
        lost_elsewhere: Categories (None: unknown) of annotations that may belong to this image, because it has none of
            them while some belong to no image.
        id_text: Id of the image as text; None if it is invalid.
    """

    file_name: str
    size: tuple[int, int] | None
    source_name: str = ""
    labels: list[CocoLabel] = field(default_factory=list)
    lost: list[tuple[str, CocoLabel]] = field(default_factory=list)
    not_used: list[tuple[str, str]] = field(default_factory=list)
    changed: list[tuple[str, str]] = field(default_factory=list)
    lost_elsewhere: set[str | None] = field(default_factory=set)
    id_text: str | None = None


@dataclass(frozen=True)
class CocoFile:
    """The content of a COCO file.

    Attributes:
        source_name: Name of the file for messages.
        categories: Names of its categories.
        images: Its images.
        orphans: Annotations of images that the file does not list, of categories that have a noun or are unknown.
        not_used: Ids of other annotations of such images, each with the reason.
    """

    source_name: str
    categories: frozenset[str]
    images: list[CocoImage]
    orphans: list[CocoLabel]
    not_used: list[tuple[str, str]]


def parse_coco_file(source_name: str, id_prefix: str, json_bytes: bytes, nouns: Mapping[str, Any]) -> CocoFile:
    """Return the images of one COCO file, each with its annotations.

    Args:
        source_name: Name of the file for messages.
        id_prefix: Prefix of the ids of annotations in messages; empty if there is one COCO file.
        json_bytes: Content of the file.
        nouns: Option `nouns` of the data set; annotations of other categories are not used.

    Raises:
        UserError: The file is not a COCO file, an id is not unique or ambiguous, no category of the file is in `nouns`,
            or the boxes or polygons of the file are not in px of their images.
    """
    data = load_coco_json(source_name, json_bytes)
    images = [_parse_image(source_name, row) for row in data["images"]]
    categories = [_parse_category(source_name, row) for row in data["categories"]]
    _check_categories(source_name, set(categories), nouns)
    rows = data["annotations"]
    image_index = IdIndex(
        source_name, "image", [row.get("id") for row in data["images"]], [_list_names(image) for image in images]
    )
    # Categories of one name are one category.
    unique_names = [[name] if name not in categories[:number] else [] for number, name in enumerate(categories)]
    category_index = IdIndex(source_name, "category", [row.get("id") for row in data["categories"]], unique_names)
    image_by_key = image_index.join(row.get("image_id") for row in rows)
    category_by_key = category_index.join(row.get("category_id") for row in rows)
    file = CocoFile(source_name, frozenset(categories), images, [], [])
    for label_id, row in zip(_make_label_ids(source_name, id_prefix, rows), rows, strict=True):
        image, category = (
            _find(references, row.get(name))
            for references, name in ((image_by_key, "image_id"), (category_by_key, "category_id"))
        )
        changes = [(reference.change, label_id) for reference in (image, category) if reference and reference.change]
        label = CocoLabel(label_id, None if category is None else categories[category.row], row, source_name)
        if label.category is not None and label.category not in nouns:
            reason = f"of the category {show(label.category)[1:-1]}, not in `nouns`, {LEFT_OUT}"
            (file if image is None else images[image.row]).not_used.append((reason, label.id))
        elif image is None:
            file.orphans.append(replace(label, id=f"{label.id} with image_id {show(row.get('image_id'))}"))
        elif category is None:
            label = replace(label, id=f"{label.id} with category_id {show(row.get('category_id'))}")
            images[image.row].lost.append((UNKNOWN_CATEGORY, label))
        else:
            images[image.row].labels.append(label)
            images[image.row].changed.extend(changes)
    _mark_candidates(images, file.orphans, nouns)
    _leave_out_corners(source_name, images)
    return file


def _leave_out_corners(source_name: str, images: Sequence[CocoImage]) -> None:
    """Check the boxes and polygons of a file, and leave out the boxes that are corners."""
    labels = [(image, label) for image in images for label in image.labels]
    for position in check_geometry(source_name, [(label.values, image.size) for image, label in labels]):
        image, label = labels[position]
        image.labels[:] = [other for other in image.labels if other is not label]
        image.lost.append((CORNERS, label))


def mark_images_of_other_files(files: Sequence[CocoFile], categories: Iterable[str]) -> None:
    """Mark images that annotations of another file may belong to, because only that file lacks their image id.

    Args:
        files: The COCO files of a data set, some of which may have been divided without all their annotations.
        categories: The categories that have a noun.
    """
    orphans: dict[str | None, list[CocoLabel]] = {}
    for file in files:
        for label in file.orphans:
            orphans.setdefault(to_id_text(label.values.get("image_id")), []).append(label)
    for file in files if orphans else ():
        for image in file.images:
            _mark_candidates([image], orphans.get(image.id_text, []), categories)


def has_equal_labels(first: CocoImage, second: CocoImage) -> bool:
    """Return whether two entries of one photograph have the same annotations, whatever their ids and their order."""
    try:
        contents = [
            (
                image.size,
                sorted(_serialize_label(label) for label in image.labels),
                sorted((reason, _serialize_label(label)) for reason, label in image.lost),
                len(image.not_used),
                image.lost_elsewhere,
            )
            for image in (first, second)
        ]
    except RecursionError:  # lists in lists, too deep to be compared
        return False
    return contents[0] == contents[1]


def _serialize_label(label: CocoLabel) -> str:
    values = {key: value for key, value in label.values.items() if key not in ("id", "image_id", "category_id")}
    return json.dumps([label.category, _unify_numbers(values)], sort_keys=True)


def _unify_numbers(value: Any) -> Any:
    """Return a value of a JSON file in which 1 and 1.0 are equal."""
    if isinstance(value, Mapping):
        return {key: _unify_numbers(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_unify_numbers(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _mark_candidates(images: Iterable[CocoImage], orphans: Sequence[CocoLabel], categories: Iterable[str]) -> None:
    """Mark the categories that images may have, because annotations of them belong to no image.

    Such an annotation may be of any image. An image that has another one of its category is not marked, because the
    presence of the category is known there.

    Args:
        images: The images of the file.
        orphans: The annotations without an image.
        categories: The categories that have a noun: an annotation of an unknown category may be of any of them.
    """
    orphan_categories = {label.category for label in orphans}
    if not orphan_categories:
        return
    for image in images:
        present = {label.category for label in image.labels}
        if None in orphan_categories:
            image.lost_elsewhere.update({*categories} - present if present else {None})
        image.lost_elsewhere.update(orphan_categories - present - {None})


def _find(references: Mapping[tuple[bool, str], Reference], value: Any) -> Reference | None:
    key = reference_key(value)
    return None if key is None else references.get(key)


def _parse_image(source_name: str, row: Mapping[str, Any]) -> CocoImage:
    name = row.get("file_name")
    if not isinstance(name, str) or not split_path(name):
        raise UserError(f"{source_name}: an image without a file name (image id {show(row.get('id'))})")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise UserError(f"{source_name}: the file name {show(name)} has a control character; rename the image")
    try:
        return CocoImage(name, parse_size(row), source_name, id_text=to_id_text(row.get("id")))
    except InvalidAnnotationError as error:
        raise UserError(f"{source_name}: image {name}: {error}; correct it") from error


def _parse_category(source_name: str, row: Mapping[str, Any]) -> str:
    name = row.get("name")
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise UserError(f"{source_name}: the category {show(row.get('id'))} has no name")
    return str(name)


def _check_categories(source_name: str, names: set[str], nouns: Mapping[str, Any]) -> None:
    """Raise UserError if no category of the file has a noun, or if a name in `nouns` differs by case or spaces only."""
    similar = {_fold(name): name for name in sorted(nouns, key=lambda name: (name not in names, name))}
    for name in sorted(names - nouns.keys()):
        if _fold(name) in similar:
            other = similar[_fold(name)]
            verb, also = ("has also", ", too") if other in names else ("has", "")
            raise UserError(
                f"{source_name}: `nouns` has {show(other)}, but the file {verb} the category {show(name)}; "
                f"write this name in `nouns`{also}"
            )
    if not names & nouns.keys():
        listed = summarize_names(show(name)[1:-1] for name in sorted(names)) or "none"
        raise UserError(f"{source_name}: its categories are {listed}; map each of them to a noun in `nouns`")


def _fold(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _list_names(image: CocoImage) -> set[str]:
    """Return the names that a reference to an image may have: its path, its file name and its stem."""
    base_name = split_path(image.file_name)[-1]
    return {image.file_name, base_name, PurePosixPath(base_name).stem}


def _make_label_ids(source_name: str, id_prefix: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the ids of annotations for messages; an annotation without an id has its number, as `#1`."""
    ids: list[str] = []
    known: set[str | None] = set()
    for number, row in enumerate(rows, start=1):
        value = row.get("id")
        text = to_id_text(value)
        if text is not None and text in known:
            raise UserError(f"{source_name}: the annotation id {show(value)} is not unique")
        known.add(text)
        label_id = f"#{number}" if text is None else show(text)[1:-1]
        ids.append(f"{id_prefix}:{label_id}" if id_prefix else label_id)
    return ids
