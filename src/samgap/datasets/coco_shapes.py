"""Validate the box and the segmentation of a COCO annotation, and decode the segmentation.

pycocotools does not validate its input: a polygon with a corner far outside allocates memory without limit, a polygon
of four numbers is read as a box, and run lengths that do not fill the image are read past their end. Therefore
everything is validated here first.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from samgap.datasets.coco_values import (
    Box,
    InvalidAnnotationError,
    has_shares_only,
    parse_box_numbers,
    parse_polygons,
)

MAX_CUT_PX = 1.0
"""Distance in px up to which a shape that reaches out of its image is a matter of rounding."""


@dataclass(frozen=True)
class DecodedMask:
    """The mask of a segmentation.

    Attributes:
        mask: Bool, cropped to its box.
        offset: Row and column of the first pixel of the crop in the image, in px.
        n_invalid_polygons: Number of invalid polygons, which are left out.
        is_cut: Whether more than `MAX_CUT_PX` of a polygon is outside the image and cut.
    """

    mask: np.ndarray
    offset: tuple[int, int]
    n_invalid_polygons: int = 0
    is_cut: bool = False


def parse_box(coco_annotation: Mapping[str, Any], width: int, height: int) -> tuple[Box, bool]:
    """Return the corners x0, y0, x1, y1 of an annotation's box, cut at the image, and whether > `MAX_CUT_PX` was cut.

    Raises:
        InvalidAnnotationError: The box is missing, not four numbers, without area, within the first pixel of the image,
            or outside the image.
    """
    x, y, box_width, box_height = parse_box_numbers(coco_annotation)
    if has_shares_only((x, y, box_width, box_height)):
        raise InvalidAnnotationError("a box within one pixel")
    x0, y0, x1, y1 = max(x, 0.0), max(y, 0.0), min(x + box_width, float(width)), min(y + box_height, float(height))
    if x1 <= x0 or y1 <= y0:
        raise InvalidAnnotationError("a box outside its image")
    return (x0, y0, x1, y1), max(x0 - x, y0 - y, x + box_width - x1, y + box_height - y1) > MAX_CUT_PX


def box_to_mask(box: Box) -> tuple[np.ndarray, tuple[int, int]]:
    """Return a mask, bool, of all pixels that a box (corners) touches, and its offset (row, column) in the image."""
    x0, y0, x1, y1 = box
    top, left = math.floor(y0), math.floor(x0)
    return np.ones((math.ceil(y1) - top, math.ceil(x1) - left), bool), (top, left)


def decode_segmentation(segmentation: Any, width: int, height: int) -> DecodedMask:
    """Decode polygons, which are cut at the image, or a run-length encoding, compressed or not.

    Args:
        segmentation: `segmentation` of a COCO annotation; see `parse_polygons` for the ways to write polygons.
        width: Width of the image in px.
        height: Height of the image in px.

    Raises:
        InvalidAnnotationError: The segmentation is invalid or empty.
    """
    if isinstance(segmentation, Mapping):
        return _crop(_parse_rle(segmentation, width, height))
    if not isinstance(segmentation, Sequence) or isinstance(segmentation, str | bytes):
        raise InvalidAnnotationError("a segmentation of unknown format")
    polygons = parse_polygons(segmentation)
    # Corners may be outside the image, but by no more than its longer side: pycocotools allocates memory up to them.
    limit = max(width, height)
    valid = [polygon for polygon in polygons if polygon and -limit <= min(polygon) <= max(polygon) <= 2 * limit]
    if not valid:
        raise InvalidAnnotationError("an invalid polygon")
    if has_shares_only(itertools.chain.from_iterable(valid)):
        raise InvalidAnnotationError("polygons within one pixel")
    decoded = _crop(coco_mask.merge(coco_mask.frPyObjects(valid, height, width)))
    n_invalid = len(polygons) - len(valid)
    return replace(decoded, n_invalid_polygons=n_invalid, is_cut=_reaches_out(valid, width, height))


def _crop(rle: dict[str, Any]) -> DecodedMask:
    left, top, box_width, box_height = map(int, coco_mask.toBbox(rle))
    if not coco_mask.area(rle):
        raise InvalidAnnotationError("an empty mask")
    crop = coco_mask.decode(rle)[top : top + box_height, left : left + box_width]
    return DecodedMask(crop.astype(bool), (top, left))


def _reaches_out(polygons: Sequence[list[float]], width: int, height: int) -> bool:
    """Return whether a corner of a polygon is more than `MAX_CUT_PX` outside the image."""
    return any(
        min(polygon) < -MAX_CUT_PX or max(polygon[::2]) > width + MAX_CUT_PX or max(polygon[1::2]) > height + MAX_CUT_PX
        for polygon in polygons
    )


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
