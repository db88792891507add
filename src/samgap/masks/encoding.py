"""COCO run lengths of a mask, worked out on its box alone: a small apple in a large image costs little."""

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask


def encode_annotation(
    mask: np.ndarray, offset: tuple[int, int] = (0, 0), image_size: tuple[int, int] | None = None
) -> tuple[list[int], int, dict[str, Any]]:
    """Box [x, y, width, height] (px), area (px) and compressed RLE (`size`, `counts` as str) of a mask.

    `mask` is bool, (height, width), with at least one pixel set (else ValueError): the whole of an image, or the
    part from row and column `at` on of one of `size` (height, width). The RLE is what `pycocotools.mask.encode`
    gives of the whole.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise ValueError("an empty mask has no box")
    height, width = image_size or mask.shape
    crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    top, left = offset[0] + int(rows[0]), offset[1] + int(columns[0])
    # COCO counts down the columns; in each column of the crop, a run starts at +1 and ends at -1.
    framed = np.zeros((crop.shape[1], crop.shape[0] + 2), np.int8)
    framed[:, 1:-1] = crop.T
    edges = np.diff(framed, axis=1)
    starts, ends = (
        (column + left) * height + row + top for column, row in (np.nonzero(edges == 1), np.nonzero(edges == -1))
    )
    area = int((ends - starts).sum())
    # A run that reaches the bottom goes on at the top of the next column.
    apart = starts[1:] != ends[:-1]
    starts, ends = starts[np.r_[True, apart]], ends[np.r_[apart, True]]
    bounds = np.concatenate([[0], np.stack([starts, ends], axis=1).ravel(), [height * width]])
    counts = np.diff(bounds)
    if counts[-1] == 0:
        counts = counts[:-1]
    rle = coco_mask.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    box = [left, top, crop.shape[1], crop.shape[0]]
    return box, area, {"size": [height, width], "counts": rle["counts"].decode()}
