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


class Broken(ValueError):
    """What is wrong with a shape, in few words."""


def box(row: Mapping[str, Any], width: int, height: int) -> tuple[Box, bool]:
    """The box (x0, y0, x1, y1) in px, within the image; and whether it reached out by more than a pixel. Or Broken."""
    values: Any = row.get("bbox")
    if not _numbers(values) or len(values) != 4 or min(values[2:]) <= 0:
        raise Broken("broken box")
    x, y, across, down = map(float, values)
    x0, y0, x1, y1 = max(x, 0.0), max(y, 0.0), min(x + across, float(width)), min(y + down, float(height))
    if x1 <= x0 or y1 <= y0:
        raise Broken("box outside its image")
    return (x0, y0, x1, y1), max(x0 - x, y0 - y, x + across - x1, y + down - y1) > 1


def filled(shape: Box) -> tuple[np.ndarray, tuple[int, int]]:
    """All pixels that a box touches, as a mask of its own size, and where its first pixel is (row, column)."""
    x0, y0, x1, y1 = shape
    top, left = math.floor(y0), math.floor(x0)
    return np.ones((math.ceil(y1) - top, math.ceil(x1) - left), bool), (top, left)


def mask(segmentation: Any, width: int, height: int) -> tuple[np.ndarray, tuple[int, int], int]:
    """What polygons or run lengths cover, or Broken.

    The part of the mask that holds all of it, bool; where its first pixel is (row, column); and how many polygons were
    left out.
    """
    if isinstance(segmentation, Mapping):
        rle, left_out = _run_lengths(segmentation, width, height), 0
    elif isinstance(segmentation, Sequence) and not isinstance(segmentation, str | bytes):
        rle, left_out = _polygons(segmentation, width, height)
    else:
        raise Broken("segmentation of no known form")
    left, top, across, down = map(int, coco_mask.toBbox(rle))
    if not coco_mask.area(rle):
        raise Broken("empty mask")
    found = coco_mask.decode(rle)[top : top + down, left : left + across]
    return found.astype(bool), (top, left), left_out


def _polygons(parts: Sequence[Any], width: int, height: int) -> tuple[dict[str, Any], int]:
    reach = max(width, height)
    # A corner may lie outside the image, but not so far that it can be no corner of anything in it.
    good = [
        part
        for part in parts
        if _numbers(part) and len(part) >= 6 and len(part) % 2 == 0 and -reach <= min(part) <= max(part) <= 2 * reach
    ]
    if not good:
        raise Broken("broken polygon")
    drawn = coco_mask.frPyObjects([[float(value) for value in part] for part in good], height, width)
    return coco_mask.merge(drawn), len(parts) - len(good)


def _run_lengths(rle: Mapping[str, Any], width: int, height: int) -> dict[str, Any]:
    counts, size = rle.get("counts"), rle.get("size")
    if not isinstance(size, Sequence) or list(size) != [height, width]:
        raise Broken("run lengths of another size")
    if isinstance(counts, str | bytes):
        counts = _uncompressed(counts.encode() if isinstance(counts, str) else counts)
    if not isinstance(counts, list) or not all(isinstance(count, int) and count >= 0 for count in counts):
        raise Broken("broken run lengths")
    if sum(counts) != width * height:
        raise Broken("run lengths that do not fill the image")
    return coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)


def _uncompressed(text: bytes) -> list[int]:
    """The counts of COCO's compressed form: 5 bits a character from "0" on, lowest first, each but the first three
    as the difference from the one before the last (pycocotools' maskApi.c)."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = character - 48
        if not 0 <= bits < 64 or shift > 60:
            raise Broken("broken run lengths")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value = shift = 0
    if shift:
        raise Broken("broken run lengths")
    return counts


def _numbers(values: Any) -> bool:
    return (
        isinstance(values, Sequence)
        and not isinstance(values, str | bytes)
        and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        and all(-1e9 < value < 1e9 for value in values)  # neither infinite nor no number
    )
