"""Scenes with objects that have no label: apples of the background, far to the right of all labelled instances."""

from dataclasses import replace

import numpy as np
import pandas as pd

from samgap.masks import rle
from tests.helpers.scenes import masks_table, rle_to_box

MARGIN_PX = 260
"""Width that is added at the right of each image for the unlabelled objects."""
OBJECTS = ((10, 110, 20), (140, 120, 50), (10, 150, 100))
"""Top, left in the margin and side of each unlabelled object, px: one small, one medium, one large."""


def widen_images(masks, prompts, truth, images):
    """Return the four tables with `MARGIN_PX` more pixels at the right of each image."""
    instances = {
        image_id: [replace(item, rle=rle.encode(_widen(item.decode_mask()))) for item in items]
        for image_id, items in truth.instances.items()
    }
    sizes = {image_id: {**size, "width": size["width"] + MARGIN_PX} for image_id, size in truth.images.items()}
    decoded = [
        rle.decode({"size": [row.height, row.width], "counts": row.rle}) for row in masks.itertuples(index=False)
    ]
    masks = masks.assign(rle=[rle.encode(_widen(mask))["counts"] for mask in decoded], width=masks["width"] + MARGIN_PX)
    images = images.assign(width=images["width"] + MARGIN_PX)
    return masks, prompts, replace(truth, images=sizes, instances=instances), images


def _widen(mask):
    return np.pad(mask, ((0, 0), (0, MARGIN_PX)))


def detect_unlabelled(masks, prompts, truth, kinds=("phrase",)):
    """Return `masks` with a mask of each unlabelled object for each prompt of `kinds`, as its best predictions."""
    rows = []
    for prompt in prompts[prompts["kind"].isin(kinds)].itertuples():
        size = truth.images[prompt.image_id]
        for number, (top, left, side) in enumerate(OBJECTS):
            mask = np.zeros((size["height"], size["width"]), bool)
            start = size["width"] - MARGIN_PX + left
            mask[top : top + side, start : start + side] = True
            rows.append((prompt.prompt_id, number, prompt.image_id, 0.99 - 0.01 * number, mask))
    added = masks_table(rows)
    boxes = [rle_to_box({"size": [row.height, row.width], "counts": row.rle}) for row in added.itertuples()]
    added[["x0", "y0", "x1", "y1"]] = np.array(boxes, float)
    others = masks.assign(prediction_id=masks["prediction_id"] + len(OBJECTS))
    return pd.concat([added.astype({"clicks": others["clicks"].dtype}), others], ignore_index=True)
