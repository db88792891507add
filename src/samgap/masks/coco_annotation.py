"""Encode a mask as a COCO annotation.

This module does not import `rle.py`, so an edit of `rle.py` does not rerun the rules that write data sets.
"""

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask


def encode_annotation(
    mask: np.ndarray, offset: tuple[int, int] = (0, 0), image_size: tuple[int, int] | None = None
) -> tuple[list[int], int, dict[str, Any]]:
    """Encode a mask as the fields of a COCO annotation; the run time is proportional to its box, not to the image.

    Args:
        mask: Bool, (height, width): the whole image or a crop.
        offset: Row and column of the first pixel of the crop in the image, px.
        image_size: Height and width of the image, px; by default those of `mask`.

    Returns:
        Box [x, y, width, height] in px, area in px, and compressed RLE (`size`, `counts` as str), the same as
        `pycocotools.mask.encode` gives for the whole image.

    Raises:
        ValueError: No pixel is set.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise ValueError("an empty mask has no box")
    height, width = image_size or mask.shape
    crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    top, left = offset[0] + int(rows[0]), offset[1] + int(columns[0])
    # COCO's runs go down the columns; in each column of the crop, a run starts at +1 and ends at -1.
    framed = np.zeros((crop.shape[1], crop.shape[0] + 2), np.int8)
    framed[:, 1:-1] = crop.T
    edges = np.diff(framed, axis=1)
    starts, ends = (
        (column + left) * height + row + top for column, row in (np.nonzero(edges == 1), np.nonzero(edges == -1))
    )
    area = int((ends - starts).sum())
    # A run that reaches the bottom continues at the top of the next column.
    is_separate = starts[1:] != ends[:-1]
    starts, ends = starts[np.r_[True, is_separate]], ends[np.r_[is_separate, True]]
    bounds = np.concatenate([[0], np.stack([starts, ends], axis=1).ravel(), [height * width]])
    counts = np.diff(bounds)
    if counts[-1] == 0:
        counts = counts[:-1]
    rle = coco_mask.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    box = [left, top, crop.shape[1], crop.shape[0]]
    return box, area, {"size": [height, width], "counts": rle["counts"].decode()}
