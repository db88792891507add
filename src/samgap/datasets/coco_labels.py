"""Validate the box and the segmentation of a COCO annotation, and decode the segmentation.

pycocotools does not validate its input: a polygon with a corner far outside allocates memory without limit, a polygon
of four numbers is read as a box, and run lengths that do not fill the image are read past their end. Therefore
everything is validated here first.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from samgap.datasets.coco_values import (
    Box,
    InvalidAnnotationError,
    is_within_one_pixel,
    parse_box_numbers,
    parse_polygons,
)


def parse_box(coco_annotation: Mapping[str, Any], width: int, height: int) -> tuple[Box, bool]:
    """Return the corners x0, y0, x1, y1 of an annotation's box, cut at the image, and whether more than 1 px was cut.

    Raises:
        InvalidAnnotationError: The box is missing, not four numbers, without area, within the first pixel of the image,
            or outside the image.
    """
    x, y, box_width, box_height = parse_box_numbers(coco_annotation)
    if is_within_one_pixel((x, y, box_width, box_height)):
        raise InvalidAnnotationError("a box within one pixel")
    x0, y0, x1, y1 = max(x, 0.0), max(y, 0.0), min(x + box_width, float(width)), min(y + box_height, float(height))
    if x1 <= x0 or y1 <= y0:
        raise InvalidAnnotationError("a box outside its image")
    return (x0, y0, x1, y1), max(x0 - x, y0 - y, x + box_width - x1, y + box_height - y1) > 1


def box_to_mask(box: Box) -> tuple[np.ndarray, tuple[int, int]]:
    """Return a mask, bool, of all pixels that a box (corners) touches, and its offset (row, column) in the image."""
    x0, y0, x1, y1 = box
    top, left = math.floor(y0), math.floor(x0)
    return np.ones((math.ceil(y1) - top, math.ceil(x1) - left), bool), (top, left)


def decode_segmentation(segmentation: Any, width: int, height: int) -> tuple[np.ndarray, tuple[int, int], int]:
    """Decode polygons or a run-length encoding, compressed or not.

    Args:
        segmentation: `segmentation` of a COCO annotation; see `parse_polygons` for the ways to write polygons.
        width: Width of the image in px.
        height: Height of the image in px.

    Returns:
        The mask, bool, cropped to its box; the offset (row, column) of the crop; and the number of invalid polygons,
        which are left out.

    Raises:
        InvalidAnnotationError: The segmentation is invalid or empty.
    """
    if isinstance(segmentation, Mapping):
        rle, n_invalid = _parse_rle(segmentation, width, height), 0
    elif isinstance(segmentation, Sequence) and not isinstance(segmentation, str | bytes):
        rle, n_invalid = _polygons_to_rle(parse_polygons(segmentation), width, height)
    else:
        raise InvalidAnnotationError("a segmentation of unknown format")
    left, top, box_width, box_height = map(int, coco_mask.toBbox(rle))
    if not coco_mask.area(rle):
        raise InvalidAnnotationError("an empty mask")
    crop = coco_mask.decode(rle)[top : top + box_height, left : left + box_width]
    return crop.astype(bool), (top, left), n_invalid


def _polygons_to_rle(polygons: Sequence[list[float] | None], width: int, height: int) -> tuple[dict[str, Any], int]:
    """Return the RLE of the valid polygons, and the number of invalid ones."""
    # Corners may be outside the image, but by no more than its longer side: pycocotools allocates memory up to them.
    limit = max(width, height)
    valid = [polygon for polygon in polygons if polygon and -limit <= min(polygon) <= max(polygon) <= 2 * limit]
    if not valid:
        raise InvalidAnnotationError("an invalid polygon")
    return coco_mask.merge(coco_mask.frPyObjects(valid, height, width)), len(polygons) - len(valid)


def _parse_rle(segmentation: Mapping[str, Any], width: int, height: int) -> dict[str, Any]:
    counts, size = segmentation.get("counts"), segmentation.get("size")
    if size == [width, height] and width != height:
        raise InvalidAnnotationError("run lengths of a size with width and height exchanged")
    if not isinstance(size, Sequence) or list(size) != [height, width]:
        raise InvalidAnnotationError("run lengths of another size")
    if isinstance(counts, str | bytes):
        counts = _decode_counts(counts.encode("utf-8", "surrogatepass") if isinstance(counts, str) else counts)
    if not isinstance(counts, list) or not all(type(count) is int and count >= 0 for count in counts):
        raise InvalidAnnotationError("invalid run lengths")
    if sum(counts) != width * height:
        raise InvalidAnnotationError("run lengths that do not fill the image")
    return coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)


def _decode_counts(compressed_counts: bytes) -> list[int]:
    """Decode compressed counts of COCO, and refuse characters and lengths that pycocotools would misread.

    A character holds 5 bits, lowest first, and a continuation bit. From the fourth count on, the value is the
    difference from the count two before.

    Source: `rleFrString` in maskApi.c of pycocotools.
    """
    counts: list[int] = []
    value = shift = 0
    for character in compressed_counts:
        bits = character - 48
        if not 0 <= bits < 64 or shift > 60:
            raise InvalidAnnotationError("invalid run lengths")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value = shift = 0
    if shift:
        raise InvalidAnnotationError("invalid run lengths")
    return counts
