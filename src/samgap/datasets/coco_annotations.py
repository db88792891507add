"""Make an annotation of the data set from one of a COCO file, or state why it is lost."""

from collections.abc import Mapping, Sequence
from typing import Any

from samgap.datasets import Annotation
from samgap.datasets.coco_attributes import Category, read_attributes
from samgap.datasets.coco_files import CocoLabel
from samgap.datasets.coco_shapes import box_to_mask, decode_segmentation, parse_box
from samgap.datasets.coco_values import (
    Box,
    InvalidAnnotationError,
    has_number_as_text,
    has_segmentation,
    is_flat_polygon,
    parse_flag,
)
from samgap.datasets.left_out import IGNORED_IN_BOX, LEFT_OUT, LabelCounts


def make_annotation(
    label: CocoLabel,
    category: Category,
    size: tuple[int, int],
    options: Mapping[str, Any],
    counts: LabelCounts,
) -> tuple[Annotation | None, str | None]:
    """Return the annotation, and the reason if it is lost: it is then None, or a region that is ignored.

    Args:
        label: The annotation of the COCO file.
        category: Its category.
        size: Width and height of the image in px.
        options: Options of the data set.
        counts: Receives the changes with which the annotation is read.
    """
    box: Box | None = None
    changes: list[str] = []
    box_problem = problem = ""
    is_cut = False
    try:
        box, is_cut = parse_box(label.values, *size)
    except InvalidAnnotationError as error:
        box_problem = str(error)
    ignore, mask, offset = False, None, None
    try:
        ignore = _is_ignored(label.values, options)
        if has_segmentation(label.values):
            segmentation = label.values["segmentation"]
            decoded = decode_segmentation(segmentation, *size)
            mask, offset, is_cut = decoded.mask, decoded.offset, decoded.is_cut  # the box is not used
            if decoded.n_invalid_polygons:
                changes.append("with an invalid polygon among valid ones are read without it")
            if isinstance(segmentation, Sequence) and is_flat_polygon(segmentation):
                changes.append("with one flat list of numbers are read as one polygon")
    except InvalidAnnotationError as error:
        problem = str(error)
    if problem and box is not None:
        mask, offset = box_to_mask(box)
        return Annotation(category.noun, mask=mask, offset=offset, ignore=True), f"with {problem} {IGNORED_IN_BOX}"
    if problem or (mask is None and box is None):
        problems = " and ".join(dict.fromkeys(filter(None, (problem, box_problem))))
        return None, f"with {problems} {LEFT_OUT}"
    if is_cut:
        changes.append("reach out of their image and are cut")
    if any(has_number_as_text(label.values.get(key)) for key in ("bbox", "segmentation")):
        changes.append("with numbers as text are read")
    attributes = read_attributes(label.values, category, options)
    for change in (*changes, *attributes.problems):
        counts.changed[change].append(label.id)
    shape: dict[str, Any] = {"box": box} if mask is None else {"mask": mask, "offset": offset}
    unknown = tuple(attributes.unknown)
    return Annotation(
        category.noun, attributes=attributes.values, ignore=ignore, unknown_attributes=unknown, **shape
    ), None


def _is_ignored(coco_annotation: Mapping[str, Any], options: Mapping[str, Any]) -> bool:
    """Return whether an annotation is marked `ignore`, or is a crowd that is not read as an instance."""
    is_crowd, ignore = (parse_flag(coco_annotation, name) for name in ("iscrowd", "ignore"))
    return ignore or (is_crowd and options.get("crowds") != "instances")
