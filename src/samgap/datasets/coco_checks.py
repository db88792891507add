"""Checks of whole COCO files: boxes and polygons in other units than px, corners instead of sizes, crowds.

A wrong annotation is left out and counted. If most annotations of a file are wrong in the same way, the export is
wrong, and the run stops with the likely cause before any image is read. Only boxes that are used are checked: those of
annotations without a segmentation.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samgap.datasets.coco_values import (
    InvalidAnnotationError,
    has_segmentation,
    has_shares_only,
    iter_numbers,
    parse_box_numbers,
    parse_flag,
    parse_number,
)
from samgap.datasets.warning_log import warn
from samgap.errors import UserError

MIN_BOXES = 4
"""Number of boxes from which their edges alone show that they are corners."""
MIN_SHAPES_IN_PERCENT, MIN_SIDE_IN_PERCENT = 10, 200
"""Number of boxes and polygons, and side of the images in px, from which values up to 100 may be percentages."""
MOST = 0.9
"""Fraction of these boxes and polygons from which they are."""
AREA_TOLERANCE = 0.02
"""Relative difference of `area` and the area of a box that still counts as equal."""

SizedAnnotation = tuple[Mapping[str, Any], tuple[int, int] | None]
"""A COCO annotation, and the width and height of its image in px if the file states them."""


def check_geometry(source_name: str, annotations: Sequence[SizedAnnotation]) -> list[int]:
    """Check the units and the meaning of all boxes and polygons of a COCO file.

    Returns:
        The positions of the annotations whose box seems to be corners, if they are not most of the file.

    Raises:
        UserError: Most annotations are within one pixel, or are boxes that seem to be corners.
    """
    boxes = _collect_boxes(annotations)
    _check_units(source_name, boxes.numbers, annotations)
    _warn_of_percentages(source_name, boxes, annotations)
    corners = _find_corners(source_name, boxes, len(annotations))
    _warn_of_areas(source_name, boxes.numbers, boxes.areas)
    _warn_of_scores(source_name, annotations)
    return corners


def check_crowds(source_name: str, annotations: Mapping[str, Iterable[Mapping[str, Any]]], option: str | None) -> None:
    """Check how many of the annotations of each noun of a COCO file are crowds, unless they are read as instances.

    Each noun is judged by itself, because one tool or brush may have made all its masks, beside boxes of other nouns.

    Args:
        source_name: Name of the file for messages.
        annotations: All annotations that are read, by their noun.
        option: Option `crowds` of the data set; None if it is not set.

    Raises:
        UserError: All annotations of a noun are crowds, and the option is not set.
    """
    if option == "instances":
        return
    cause = "some tools mark each brush mask so"
    for noun, rows in annotations.items():
        flags = [_is_crowd(row) for row in rows]
        n_crowds = sum(flags)
        if not n_crowds or 2 * n_crowds < len(flags):
            continue
        number = f"all {n_crowds}" if n_crowds == len(flags) else f"{n_crowds} of {len(flags)}"
        counts = f"{number} annotations of {noun} are crowds (`iscrowd`)"
        if n_crowds == len(flags) and option is None:
            raise UserError(
                f"{source_name}: {counts}, and {cause}; set `crowds: instances` if each is one object, or `crowds: "
                "ignore`"
            )
        summary = f"{counts} and are ignored in the evaluation"
        warn(source_name, f"{summary}; {cause}: if each is one object, set `crowds: instances`", [summary])


def _is_crowd(annotation: Mapping[str, Any]) -> bool:
    try:
        return parse_flag(annotation, "iscrowd")
    except InvalidAnnotationError:
        return False


@dataclass(frozen=True)
class _Boxes:
    """The valid boxes of a file that are used."""

    positions: np.ndarray  # int (N,), of their annotations
    numbers: np.ndarray  # float64 (N, 4): x, y, width, height in px
    areas: np.ndarray  # `area`, float64 (N,), or NaN
    sizes: np.ndarray  # width and height of their image, float64 (N, 2), or NaN


def _collect_boxes(annotations: Sequence[SizedAnnotation]) -> _Boxes:
    positions, numbers, areas, sizes = [], [], [], []
    for position, (annotation, size) in enumerate(annotations):
        if has_segmentation(annotation):
            continue
        try:
            numbers.append(parse_box_numbers(annotation))
        except InvalidAnnotationError:
            continue
        area = parse_number(annotation.get("area"))
        positions.append(position)
        areas.append(np.nan if area is None else area)
        sizes.append(size or (np.nan, np.nan))
    return _Boxes(
        np.array(positions, int),
        np.array(numbers, float).reshape(-1, 4),
        np.array(areas, float),
        np.array(sizes, float).reshape(-1, 2),
    )


def _check_units(source_name: str, boxes: np.ndarray, annotations: Sequence[SizedAnnotation]) -> None:
    n_boxes_within = sum(map(has_shares_only, boxes.tolist()))
    n_polygons = n_polygons_within = 0
    for annotation, _ in annotations:
        segmentation = annotation.get("segmentation")
        if isinstance(segmentation, Sequence) and next(iter_numbers(segmentation), None) is not None:
            n_polygons += 1
            n_polygons_within += has_shares_only(iter_numbers(segmentation))
    if 2 * (n_boxes_within + n_polygons_within) <= len(annotations):
        return
    problem = "lie within one pixel: are they shares of the image (0 to 1)? multiply"
    if n_boxes_within > n_polygons_within:
        raise UserError(
            f"{source_name}: {n_boxes_within} of {len(boxes)} boxes {problem} x and width by the width of the image, "
            "y and height by its height"
        )
    raise UserError(
        f"{source_name}: the polygons of {n_polygons_within} of {n_polygons} annotations {problem} x by the width of "
        "the image and y by its height"
    )


def _warn_of_percentages(source_name: str, boxes: _Boxes, annotations: Sequence[SizedAnnotation]) -> None:
    """Warn if most boxes and polygons that are used lie within 100 px, in images that are larger."""
    shapes: list[tuple[list[float], tuple[float, float]]] = [
        ([x, y, x + width, y + height], (image_width, image_height))
        for (x, y, width, height), (image_width, image_height) in zip(
            boxes.numbers.tolist(), boxes.sizes.tolist(), strict=True
        )
    ]
    kinds = ["boxes"] if shapes else []
    polygons = [
        (coordinates, size)
        for annotation, size in annotations
        if size and isinstance(segmentation := annotation.get("segmentation"), Sequence)
        if (coordinates := list(iter_numbers(segmentation)))
    ]
    kinds += ["polygons"] if polygons else []
    # Without the size of an image in the file (NaN), it is unknown before the image is read.
    large = [(values, min(size)) for values, size in (*shapes, *polygons) if min(size) >= MIN_SIDE_IN_PERCENT]
    n_within = sum(min(values) >= 0 and max(values) <= 100 for values, _ in large)
    if len(large) >= MIN_SHAPES_IN_PERCENT and n_within >= MOST * len(large):
        warn(
            source_name,
            f"{n_within} of {len(large)} {' and '.join(kinds)} lie within 100 px, in images of at least "
            f"{min(side for _, side in large):.0f} px: are they percentages?",
        )


def _find_corners(source_name: str, boxes: _Boxes, n_annotations: int) -> list[int]:
    """Return the positions of boxes that are corners (x0, y0, x1, y1); raise UserError if they are most of the file.

    `area` says so, or most boxes reach out of their image as sizes, and all fit it as corners.
    """
    numbers, areas, sizes = boxes.numbers, boxes.areas, boxes.sizes
    sides = numbers[:, 2:] - numbers[:, :2]
    may_be_corners = (sides > 0).all(axis=1)
    corner_areas, inclusive_areas = np.where(may_be_corners, [sides.prod(axis=1), (sides + 1).prod(axis=1)], np.nan)
    is_box_area = _is_close(areas, numbers[:, 2] * numbers[:, 3])
    is_corners = (_is_close(areas, corner_areas) | _is_close(areas, inclusive_areas)) & ~is_box_area
    n_other_areas = int((np.isfinite(areas) & ~is_box_area & ~is_corners).sum())
    n_corners, reason = int(is_corners.sum()), "`area` is that of corners"
    if 2 * n_corners > len(numbers):
        is_corners = may_be_corners & ~is_box_area  # boxes without `area`, too
    elif 2 * n_other_areas > np.isfinite(areas).sum():
        is_corners[:] = False  # `area` is that of masks, and may be that of corners by chance
    if 2 * n_corners <= len(numbers) and len(numbers) >= MIN_BOXES:
        with np.errstate(invalid="ignore"):
            n_outside = int((numbers[:, :2] + numbers[:, 2:] > sizes + 1).any(axis=1).sum())
            fits_as_corners = may_be_corners.all() and numbers.min() >= 0 and (numbers[:, 2:] <= sizes + 1).all()
        if fits_as_corners and 2 * n_outside > len(numbers):
            is_corners[:], n_corners, reason = True, n_outside, "as sizes, they reach out of their image"
    if 2 * is_corners.sum() > n_annotations:
        raise UserError(
            f"{source_name}: {n_corners} of {len(numbers)} boxes seem to be corners x0, y0, x1, y1 ({reason}); write "
            "`bbox` as x, y, width, height"
        )
    return boxes.positions[is_corners].tolist()


def _warn_of_areas(source_name: str, boxes: np.ndarray, areas: np.ndarray) -> None:
    """Warn if `area` is larger than the box for most: then one of them is not in px of the image."""
    box_areas = boxes[:, 2] * boxes[:, 3]
    n_larger = int(((areas > box_areas) & ~_is_close(areas, box_areas)).sum())
    if 2 * n_larger > len(boxes):
        warn(
            source_name,
            f"`area` of {n_larger} of {len(boxes)} boxes is larger than width × height: are the boxes in px of the "
            "image?",
        )


def _is_close(areas: np.ndarray, expected: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(areas - expected) <= AREA_TOLERANCE * expected + 1)


def _warn_of_scores(source_name: str, annotations: Sequence[SizedAnnotation]) -> None:
    n_scores = sum(parse_number(annotation.get("score")) is not None for annotation, _ in annotations)
    if 2 * n_scores > len(annotations):
        warn(
            source_name,
            f"{n_scores} of {len(annotations)} annotations have a `score`: are they predictions and not labels?",
        )
