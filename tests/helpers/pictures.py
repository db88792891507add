"""Scenes of the drawn orchard for the demo's models, which answer little to anything cruder."""

import io
from typing import Any

import numpy as np
from PIL import Image

from samgap.datasets import orchard_sim

BOX_KEYS = ("x0", "y0", "x1", "y1")
MIN_SIDE_PX = 16  # px; smaller things are left out


def render_scene(seed: int, side_px: int = 384, n_boxes: int = 6) -> tuple[Image.Image, list[dict[str, Any]]]:
    """A scene of `side` px, and the boxes of its `number` largest things, as rows of table `prompts` have them."""
    options = {"scenes": 1, "size": side_px, "seed": seed, "density": ["medium"]}
    (picture,) = orchard_sim.iter_images(options, {}, 0)
    corners = []
    for label in picture.annotations:
        rows, columns = (np.flatnonzero(label.mask.any(axis)) for axis in (1, 0))
        if min(len(rows), len(columns)) >= MIN_SIDE_PX:
            corners.append((float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)))
    corners.sort(key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))
    boxes = [{**dict(zip(BOX_KEYS, box, strict=True)), "label": 1} for box in corners[:n_boxes]]
    return Image.open(io.BytesIO(picture.encoded_bytes)).convert("RGB"), boxes
