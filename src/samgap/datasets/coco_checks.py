"""Checks of whole COCO files: boxes and polygons in other units than px, corners instead of sizes, crowds.

One wrong annotation is left out and counted. If most are wrong in the same way, the export is wrong, and the run stops
with the likely cause before any image is read. Only boxes that are used are checked: those of annotations without a
segmentation.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from samgap.datasets.coco_values import (
    InvalidAnnotationError,
    has_segmentation,
    is_within_one_pixel,
    iter_numbers,
    parse_box_numbers,
    parse_flag,
    parse_number,
)
from samgap.errors import UserError

logger = logging.getLogger("samgap")

MIN_BOXES = 4
"""Number of boxes from which their edges alone show that they are corners."""
MIN_BOXES_IN_PERCENT, MIN_SIDE_IN_PERCENT = 10, 200
"""Number of boxes, and side of the images in px, from which boxes up to 100 are suspected to be percentages."""
AREA_TOLERANCE = 0.02
"""Relative difference of `area` and the area of a box that still counts as equal."""

SizedAnnotation = tuple[Mapping[str, Any], tuple[int, int] | None]
"""A COCO annotation, and the width and height of its image in px if the file states them."""


def check_geometry(source_name: str, annotations: Sequence[SizedAnnotation]) -> None:
    """Check the units and the meaning of all boxes and polygons of a COCO file.

    Raises:
        UserError: Most boxes or polygons are within one pixel, or most boxes are corners.
    """
    boxes, areas, sizes = _collect_boxes(annotations)
    if len(boxes):
        _check_units(source_name, boxes, sizes)
        _check_corners(source_name, boxes, areas, sizes)
        _warn_of_areas(source_name, boxes, areas)
    _check_polygons(source_name, annotations)
    _warn_of_scores(source_name, annotations)


def check_crowds(source_name: str, annotations: Iterable[Mapping[str, Any]], option: str | None) -> None:
    """Check how many of the annotations of a data set are crowds, unless they are read as instances.

    Args:
        source_name: Name of the data for messages.
        annotations: All annotations that are read.
        option: Option `crowds` of the data set; None if it is not set.

    Raises:
        UserError: All annotations are crowds, and the option is not set.
    """
    flags = [_is_crowd(annotation) for annotation in annotations]
    n_crowds = sum(flags)
    if option == "instances" or 2 * n_crowds <= len(flags):
        return
    counts = f"{'all' if n_crowds == len(flags) else f'{n_crowds} of'} {len(flags)} annotations are crowds (`iscrowd`)"
    cause = "some tools mark each brush mask so"
    if n_crowds == len(flags) and option is None:
        raise UserError(
            f"{source_name}: {counts}, and {cause}; set `crowds: instances` if each is one object, or `crowds: ignore`"
        )
    logger.warning(
        "warning: %s: %s and are ignored in the evaluation; %s: if each is one object, set `crowds: instances`",
        *(source_name, counts, cause),
    )


def _is_crowd(annotation: Mapping[str, Any]) -> bool:
    try:
        return parse_flag(annotation, "iscrowd")
    except InvalidAnnotationError:
        return False


def _collect_boxes(annotations: Sequence[SizedAnnotation]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the valid boxes without a segmentation, float64 (N, 4), their `area` (N,) and image size (N, 2) or NaN."""
    boxes, areas, sizes = [], [], []
    for annotation, size in annotations:
        if has_segmentation(annotation):
            continue
        try:
            boxes.append(parse_box_numbers(annotation))
        except InvalidAnnotationError:
            continue
        area = parse_number(annotation.get("area"))
        areas.append(np.nan if area is None else area)
        sizes.append(size or (np.nan, np.nan))
    return np.array(boxes, float).reshape(-1, 4), np.array(areas, float), np.array(sizes, float).reshape(-1, 2)


def _check_units(source_name: str, boxes: np.ndarray, sizes: np.ndarray) -> None:
    n_within = sum(is_within_one_pixel((x, y, width, height)) for x, y, width, height in boxes.tolist())
    if 2 * n_within >= len(boxes):
        raise UserError(
            f"{source_name}: {n_within} of {len(boxes)} boxes lie within one pixel: are they shares of the image (0 to "
            "1)? multiply x and width by the width of the image, y and height by its height"
        )
    ends = boxes[:, :2] + boxes[:, 2:]
    is_large = (sizes >= MIN_SIDE_IN_PERCENT).all()
    if len(boxes) >= MIN_BOXES_IN_PERCENT and is_large and boxes.min() >= 0 and ends.max() <= 100:
        logger.warning(
            "warning: %s: no box reaches beyond 100 px, in images of at least %d px: are they percentages?",
            *(source_name, sizes.min()),
        )


def _check_corners(source_name: str, boxes: np.ndarray, areas: np.ndarray, sizes: np.ndarray) -> None:
    """Raise UserError if the boxes are corners (x0, y0, x1, y1): `area` says so, or most reach out of their image."""
    box_areas = boxes[:, 2] * boxes[:, 3]
    sides = boxes[:, 2:] - boxes[:, :2]
    may_be_corners = (sides > 0).all(axis=1)
    corner_areas, inclusive_areas = np.where(may_be_corners, [sides.prod(axis=1), (sides + 1).prod(axis=1)], np.nan)
    is_corners = (_is_close(areas, corner_areas) | _is_close(areas, inclusive_areas)) & ~_is_close(areas, box_areas)
    reason = "`area` is that of corners"
    n_corners = int(is_corners.sum())
    if 2 * n_corners <= len(boxes):
        ends = boxes[:, :2] + boxes[:, 2:]
        with np.errstate(invalid="ignore"):
            n_corners = int((ends > sizes + 1).any(axis=1).sum())
            fits_as_corners = may_be_corners.all() and boxes.min() >= 0 and (boxes[:, 2:] <= sizes + 1).all()
        reason = "as sizes, they reach out of their image"
        if len(boxes) < MIN_BOXES or not fits_as_corners or 2 * n_corners <= len(boxes):
            return
    raise UserError(
        f"{source_name}: {n_corners} of {len(boxes)} boxes seem to be corners x0, y0, x1, y1 ({reason}); write "
        "`bbox` as x, y, width, height"
    )


def _warn_of_areas(source_name: str, boxes: np.ndarray, areas: np.ndarray) -> None:
    """Warn if `area` is larger than the box for most: then one of them is not in px of the image."""
    box_areas = boxes[:, 2] * boxes[:, 3]
    n_larger = int(((areas > box_areas) & ~_is_close(areas, box_areas)).sum())
    if 2 * n_larger > len(boxes):
        logger.warning(
            "warning: %s: `area` of %d of %d boxes is larger than width × height: are the boxes in px of the image?",
            *(source_name, n_larger, len(boxes)),
        )


def _is_close(areas: np.ndarray, expected: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(areas - expected) <= AREA_TOLERANCE * expected + 1)


def _check_polygons(source_name: str, annotations: Sequence[SizedAnnotation]) -> None:
    n_within = n_polygons = 0
    for annotation, _ in annotations:
        segmentation = annotation.get("segmentation")
        if isinstance(segmentation, Sequence) and next(iter_numbers(segmentation), None) is not None:
            n_polygons += 1
            n_within += all(0 <= number <= 1 for number in iter_numbers(segmentation))
    if n_polygons and 2 * n_within >= n_polygons:
        raise UserError(
            f"{source_name}: the polygons of {n_within} of {n_polygons} annotations lie within one pixel: are they "
            "shares of the image (0 to 1)? multiply x by the width of the image and y by its height"
        )


def _warn_of_scores(source_name: str, annotations: Sequence[SizedAnnotation]) -> None:
    n_scores = sum(parse_number(annotation.get("score")) is not None for annotation, _ in annotations)
    if 2 * n_scores > len(annotations):
        logger.warning(
            "warning: %s: %d of %d annotations have a `score`: are they predictions and not labels?",
            *(source_name, n_scores, len(annotations)),
        )
