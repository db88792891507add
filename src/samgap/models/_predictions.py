"""From a model's arrays to `Prediction`s."""

import numpy as np
from pycocotools import mask as coco_mask

from samgap.masks import areas
from samgap.models import Prediction


def predictions(
    scores: np.ndarray, boxes: np.ndarray | None, masks: np.ndarray, empty: bool = False
) -> list[Prediction]:
    """`scores` (N,), `boxes` (N, 4) px or None for the masks' own, bool `masks` (N, height, width).

    Empty masks go, unless `empty` keeps them.
    """
    if not len(masks):
        return []
    rles = coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))
    sizes = areas(rles)
    if boxes is None:
        boxes = coco_mask.toBbox(rles)
        boxes[:, 2:] += boxes[:, :2]
    return [
        Prediction(float(min(max(score, 0.0), 1.0)), tuple(float(edge) for edge in box), int(area), rle["counts"])  # type: ignore[arg-type]
        for score, box, area, rle in zip(scores, boxes, sizes, rles, strict=True)
        if area or empty
    ]
