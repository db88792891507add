"""What the spatial kinds share: the instances that get a prompt, their boxes and their centres."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import ndimage

from samgap.truth import Instance, Truth


def instances(truth: Truth) -> Iterator[Instance]:
    """Every instance that is not to be ignored, image by image."""
    for image_id in sorted(truth.images):
        for item in truth.of(image_id):
            if not item.ignore:
                yield item


def box(item: Instance) -> dict[str, Any]:
    """The tight box of the visible mask, px, end exclusive."""
    return {**dict(zip(("x0", "y0", "x1", "y1"), item.box, strict=True)), "label": 1}


def centre(item: Instance) -> dict[str, Any] | None:
    """The middle of the pixel that lies deepest in the mask (first of equals, row by row); None without a mask.

    The maximum of the Euclidean distance transform, as in SAM's evaluation; outside the picture is outside the mask.
    """
    if item.rle is None:
        return None
    x0, y0, x1, y1 = (int(edge) for edge in item.box)
    crop = np.pad(item.mask()[y0:y1, x0:x1], 1)
    depth = ndimage.distance_transform_edt(crop)
    row, column = np.unravel_index(np.argmax(depth), depth.shape)
    return {"x": x0 + float(column) - 0.5, "y": y0 + float(row) - 0.5, "label": 1}


def row(item: Instance, kind: str, **asked: Any) -> dict[str, Any]:
    return {"image_id": item.image_id, "kind": kind, "truth_ids": [item.id], **asked}
