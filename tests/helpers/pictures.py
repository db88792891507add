"""Images of the simulated orchard with box prompts; the demo models predict few masks on simpler images."""

import io
from typing import Any

import numpy as np
from PIL import Image

from samgap.datasets import orchard_sim

BOX_KEYS = ("x0", "y0", "x1", "y1")
MIN_SIDE_PX = 16
"""Instances with a shorter side of the box are left out."""


def render_scene(seed: int, side_px: int = 384, n_boxes: int = 6) -> tuple[Image.Image, list[dict[str, Any]]]:
    """Return a scene and the boxes of its largest instances in the format of table `prompts`."""
    options = {"scenes": 1, "size": side_px, "seed": seed, "density": ["medium"]}
    (image,) = orchard_sim.iter_images(options, {}, 0)
    corners = []
    for annotation in image.annotations:
        rows, columns = (np.flatnonzero(annotation.mask.any(axis)) for axis in (1, 0))
        if min(len(rows), len(columns)) >= MIN_SIDE_PX:
            corners.append((float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)))
    corners.sort(key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))
    boxes = [{**dict(zip(BOX_KEYS, box, strict=True)), "label": 1} for box in corners[:n_boxes]]
    return Image.open(io.BytesIO(image.encoded_bytes)).convert("RGB"), boxes
