"""Conversion of binary masks to `Prediction`s. Without torch: a family without a network is predicted without it."""

from collections.abc import Sequence

import numpy as np
from pycocotools import mask as coco_mask

from samgap.masks.rle import compute_areas
from samgap.models import Prediction


def masks_to_predictions(
    scores: np.ndarray, boxes: np.ndarray | None, masks: np.ndarray, keep_empty: bool = False
) -> list[Prediction]:
    """Convert binary masks to predictions.

    Args:
        scores: (N,), clipped to 0 to 1; infinity becomes NaN.
        boxes: (N, 4), x0, y0, x1, y1 in px; None for the bounding boxes of the masks.
        masks: bool (N, height, width).
        keep_empty: whether to return empty masks. Those with a NaN score are always returned, so that the caller can
            report them.
    """
    if not len(masks):
        return []
    rles = coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))
    mask_boxes = coco_mask.toBbox(rles)
    mask_boxes[:, 2:] += mask_boxes[:, :2]
    return build_predictions(
        scores, mask_boxes if boxes is None else boxes, compute_areas(rles), [rle["counts"] for rle in rles], keep_empty
    )


def build_predictions(
    scores: np.ndarray,
    boxes: np.ndarray,
    areas_px: np.ndarray,
    rles: Sequence[bytes],
    keep_empty: bool,
    presence: float | None = None,
) -> list[Prediction]:
    """Return the predictions of RLEs, with empty masks only if `keep_empty` is set or the score is NaN.

    Args:
        scores: (N,), clipped to 0 to 1; infinity becomes NaN.
        boxes: (N, 4), x0, y0, x1, y1 in px.
        areas_px: (N,).
        rles: COCO's compressed run lengths of each mask.
        keep_empty: whether to return empty masks.
        presence: of all predictions (see `Prediction`).
    """
    scores = np.where(np.isfinite(scores), np.clip(scores, 0.0, 1.0), np.nan)
    return [
        Prediction(float(score), tuple(float(edge) for edge in box), int(area), counts, presence)  # type: ignore[arg-type]
        for score, box, area, counts in zip(scores, boxes, areas_px, rles, strict=True)
        if area or keep_empty or np.isnan(score)
    ]
