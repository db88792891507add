"""The shape of a COCO annotation: polygons, run lengths or a box, each held against its image before it is drawn.

pycocotools takes what it is given: a far corner makes it allocate without bound, four numbers are a box to it, and
run lengths that do not fill the image are read past their end. So everything is checked here first.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

Box = tuple[float, float, float, float]


class InvalidAnnotationError(ValueError):
    """What is wrong with a shape, in few words."""


def parse_box(coco_annotation: Mapping[str, Any], width: int, height: int) -> tuple[Box, bool]:
    """The box (x0, y0, x1, y1) in px, within the image; and whether it reached out by more than a pixel. Or Broken."""
    values: Any = coco_annotation.get("bbox")
    if not _is_number_list(values) or len(values) != 4 or min(values[2:]) <= 0:
        raise InvalidAnnotationError("broken box")
    x, y, across, down = map(float, values)
    x0, y0, x1, y1 = max(x, 0.0), max(y, 0.0), min(x + across, float(width)), min(y + down, float(height))
    if x1 <= x0 or y1 <= y0:
        raise InvalidAnnotationError("box outside its image")
    return (x0, y0, x1, y1), max(x0 - x, y0 - y, x + across - x1, y + down - y1) > 1


def box_to_mask(box: Box) -> tuple[np.ndarray, tuple[int, int]]:
    """All pixels that a box touches, as a mask of its own size, and where its first pixel is (row, column)."""
    x0, y0, x1, y1 = box
    top, left = math.floor(y0), math.floor(x0)
    return np.ones((math.ceil(y1) - top, math.ceil(x1) - left), bool), (top, left)


def decode_segmentation(segmentation: Any, width: int, height: int) -> tuple[np.ndarray, tuple[int, int], int]:
    """What polygons or run lengths cover, or Broken.

    The part of the mask that holds all of it, bool; where its first pixel is (row, column); and how many polygons were
    left out.
    """
    if isinstance(segmentation, Mapping):
        rle, left_out = _parse_rle(segmentation, width, height), 0
    elif isinstance(segmentation, Sequence) and not isinstance(segmentation, str | bytes):
        rle, left_out = _polygons_to_rle(segmentation, width, height)
    else:
        raise InvalidAnnotationError("segmentation of no known form")
    left, top, across, down = map(int, coco_mask.toBbox(rle))
    if not coco_mask.area(rle):
        raise InvalidAnnotationError("empty mask")
    found = coco_mask.decode(rle)[top : top + down, left : left + across]
    return found.astype(bool), (top, left), left_out


def _polygons_to_rle(polygons: Sequence[Any], width: int, height: int) -> tuple[dict[str, Any], int]:
    reach = max(width, height)
    # A corner may lie outside the image, but not so far that it can be no corner of anything in it.
    good = [
        part
        for part in polygons
        if _is_number_list(part)
        and len(part) >= 6
        and len(part) % 2 == 0
        and -reach <= min(part) <= max(part) <= 2 * reach
    ]
    if not good:
        raise InvalidAnnotationError("broken polygon")
    drawn = coco_mask.frPyObjects([[float(value) for value in part] for part in good], height, width)
    return coco_mask.merge(drawn), len(polygons) - len(good)


def _parse_rle(segmentation: Mapping[str, Any], width: int, height: int) -> dict[str, Any]:
    counts, size = segmentation.get("counts"), segmentation.get("size")
    if not isinstance(size, Sequence) or list(size) != [height, width]:
        raise InvalidAnnotationError("run lengths of another size")
    if isinstance(counts, str | bytes):
        counts = _decode_counts(counts.encode() if isinstance(counts, str) else counts)
    if not isinstance(counts, list) or not all(isinstance(count, int) and count >= 0 for count in counts):
        raise InvalidAnnotationError("broken run lengths")
    if sum(counts) != width * height:
        raise InvalidAnnotationError("run lengths that do not fill the image")
    return coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)


def _decode_counts(compressed_counts: bytes) -> list[int]:
    """The counts of COCO's compressed form: 5 bits a character from "0" on, lowest first, each but the first three
    as the difference from the one before the last (pycocotools' maskApi.c)."""
    counts: list[int] = []
    value = shift = 0
    for character in compressed_counts:
        bits = character - 48
        if not 0 <= bits < 64 or shift > 60:
            raise InvalidAnnotationError("broken run lengths")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value = shift = 0
    if shift:
        raise InvalidAnnotationError("broken run lengths")
    return counts


def _is_number_list(values: Any) -> bool:
    return (
        isinstance(values, Sequence)
        and not isinstance(values, str | bytes)
        and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        and all(-1e9 < value < 1e9 for value in values)  # neither infinite nor no number
    )
