"""COCO run-length encoding (RLE) of masks: encoding, decoding, areas, intersections, IoU and Dice.

An RLE is that of pycocotools: `size` [height, width] and compressed `counts` (bytes). IoU and Dice of two empty masks
are 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from samgap.errors import UserError

RLE = dict[str, Any]
"""`size` [height, width] and compressed `counts` (bytes), as in pycocotools."""


@dataclass(frozen=True)
class Crop:
    """A mask inside its box.

    Attributes:
        mask: Bool, (height, width) of the box.
        top: Row of its first pixel in the image, px.
        left: Column of its first pixel in the image, px.
    """

    mask: np.ndarray
    top: int
    left: int


def make_rle(counts: bytes, height: int, width: int) -> RLE:
    """Make an RLE from the columns `rle`, `height` and `width` of a table.

    Raises:
        UserError: The counts do not fill that size. pycocotools does not check this and may read past the end.
    """
    runs = _decode_runs(counts)
    if runs.sum() != height * width or (runs < 0).any():
        raise UserError(f"an RLE does not have {height}×{width} pixels; it is truncated or of another size")
    return {"size": [int(height), int(width)], "counts": counts}


def encode(mask: np.ndarray) -> RLE:
    """Encode a mask, bool or 0/1, (height, width)."""
    return coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))


def decode(rle: RLE) -> np.ndarray:
    """Decode an RLE to a mask, bool (height, width)."""
    return coco_mask.decode(rle).astype(bool)


def encode_box(x0: float, y0: float, x1: float, y1: float, height: int, width: int) -> RLE:
    """Encode a filled box (px), rounded to whole pixels and clipped to the image (height, width)."""
    mask = np.zeros((height, width), bool)
    mask[max(round(y0), 0) : max(round(y1), 0), max(round(x0), 0) : max(round(x1), 0)] = True
    return encode(mask)


def merge(masks: Sequence[RLE]) -> RLE:
    """Return the union of one or more masks of one size."""
    return coco_mask.merge(list(masks))


def compute_areas(masks: Sequence[RLE]) -> np.ndarray:
    """Return the area of each mask in px, int64 (N,)."""
    # pycocotools 2.0.11 counts the masks of one call in an 8-bit integer.
    parts = [coco_mask.area(list(masks[start : start + 255])) for start in range(0, len(masks), 255)]
    return np.concatenate([*parts, []]).astype(np.int64)


def compute_intersections(masks: Sequence[RLE], other_masks: Sequence[RLE]) -> np.ndarray:
    """Return the intersection in px of each pair of masks of one image, int64 (N, M), without decoding."""
    if not len(masks) or not len(other_masks):
        return np.zeros((len(masks), len(other_masks)), np.int64)
    # With "crowd" set, pycocotools divides by the area of the first mask, which the multiplication reverses exactly.
    fractions = coco_mask.iou(list(masks), list(other_masks), [1] * len(other_masks))
    return np.rint(np.asarray(fractions) * compute_areas(masks)[:, None]).astype(np.int64)


def iou(intersection: np.ndarray, area: np.ndarray, other_area: np.ndarray) -> np.ndarray:
    """Return |A∩B| / |A∪B| from pixel counts; float64, broadcast."""
    return _divide(intersection, area + other_area - intersection)


def dice(intersection: np.ndarray, area: np.ndarray, other_area: np.ndarray) -> np.ndarray:
    """Return 2|A∩B| / (|A|+|B|) from pixel counts; float64, broadcast."""
    return _divide(2 * intersection, area + other_area)


def crop(rle: RLE) -> Crop:
    """Decode a mask inside its bounding box; the run time depends on the columns of the box, not of the image."""
    left, top, width, height = (int(edge) for edge in coco_mask.toBbox(rle))
    rows = rle["size"][0]
    runs = _decode_runs(rle["counts"])
    runs = runs[: len(runs) // 2 * 2]  # without trailing background
    if not len(runs):
        return Crop(np.zeros((0, 0), bool), 0, 0)
    runs[0] -= left * rows
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    columns = np.zeros(width * rows, bool)
    columns[: len(pixels)] = pixels
    return Crop(columns.reshape(width, rows).T[top : top + height], top, left)


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    numerator, denominator = np.broadcast_arrays(np.asarray(numerator, np.float64), np.asarray(denominator, np.float64))
    return np.divide(numerator, denominator, out=np.ones_like(denominator), where=denominator != 0)


def _decode_runs(counts: bytes) -> np.ndarray:
    """Decode compressed counts to run lengths, int64 (N,), background first; empty if the counts are truncated.

    A length is one or more 6-bit digits, the lowest first (bit 5: another digit follows; bit 4 of the last digit:
    negative). From the fourth length on, the difference from the length two before is stored.

    Source: `rleToString` of pycocotools.
    """
    digits = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero(digits & 0x20 == 0)
    if not len(ends) or ends[-1] != len(digits) - 1:
        return np.zeros(0, np.int64)
    starts = np.concatenate([[0], ends[:-1] + 1])
    shifts = 5 * (np.arange(len(digits)) - np.repeat(starts, ends - starts + 1))
    runs = np.add.reduceat((digits & 0x1F) << shifts, starts)
    runs -= (digits[ends] >> 4 & 1) << shifts[ends] + 5
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs
