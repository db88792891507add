"""Kind `mask`: a coarse version of every instance's ground-truth mask, optionally with points (option `points`).

`coarse` is the method and `amount` its strength, a fraction of the radius r of the mask's inscribed circle: `eroded`
keeps the pixels deeper than amount · r; `dilated` adds the pixels within amount · r; `blocky` rounds the mask to blocks
of side 2 · amount · r.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import ndimage

from samgap.annotations.ground_truth import GroundTruth
from samgap.masks import rle as shapes
from samgap.masks.clicks import distance_transform
from samgap.prompts.points import sample_points
from samgap.prompts.seed import Seed
from samgap.prompts.spatial import PromptTarget, make_instance_rows

ROW_KINDS = ("mask",)
SPATIAL = True
INPUTS = ("mask", "points")
SEED_OPTIONS = {"place": "centre"}
OPTIONS = {
    "required": ["coarse"],
    "properties": {
        "coarse": {"description": "How the ground-truth mask is made coarse.", "enum": ["eroded", "dilated", "blocky"]},
        "amount": {
            "description": "The amount, as a fraction of the object's inscribed radius.",
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 1,
            "default": 0.3,
        },
        "points": {
            "description": "Points on each object in addition to the mask.",
            "type": "integer",
            "minimum": 0,
            "default": 0,
        },
        "place": {"$ref": "#/$defs/place"},
    },
}


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield one row for each instance with a mask that is not marked `ignore`."""

    def make_columns(target: PromptTarget) -> dict[str, Any] | None:
        if target.instance.rle is None:
            return None
        prior = _make_coarse_mask(target.instance.rle, target.image_row, options)
        row: dict[str, Any] = {"mask": shapes.encode(prior)["counts"]}
        if options.get("points", 0):
            row["points"] = sample_points(target, options, seed)
        return row

    return make_instance_rows(truth, "mask", make_columns)


def _make_coarse_mask(rle: shapes.RLE, image_row: Mapping[str, Any], options: Mapping[str, Any]) -> np.ndarray:
    """Return the coarse mask, bool, of the size of the image."""
    crop = shapes.crop(rle)
    coarse_crop, margin = coarsen_mask(crop.mask, options["coarse"], options.get("amount", 0.3))
    padded = np.zeros((image_row["height"] + 2 * margin, image_row["width"] + 2 * margin), bool)
    padded[crop.top : crop.top + coarse_crop.shape[0], crop.left : crop.left + coarse_crop.shape[1]] = coarse_crop
    return padded[margin : padded.shape[0] - margin, margin : padded.shape[1] - margin]


def coarsen_mask(mask: np.ndarray, method: str, radius_fraction: float) -> tuple[np.ndarray, int]:
    """Return a coarse version of a mask, and the width of the margin added on every side, px.

    Args:
        mask: bool, (height, width), not empty.
        method: `eroded`, `dilated` or `blocky` (see the module's docstring).
        radius_fraction: the strength, as a fraction of the radius of the inscribed circle; below 1 for `eroded`.

    Returns:
        The coarse mask, bool, (height + 2 · margin, width + 2 · margin), not empty; and the margin.
    """
    depth = distance_transform(mask)
    max_distance = radius_fraction * float(depth.max())
    margin = int(np.ceil(2 * max_distance)) + 1
    padded = np.pad(mask, margin)
    if method == "eroded":
        # Not empty: the depth of the deepest pixel is larger than any fraction of it below 1.
        return np.pad(depth > max_distance, margin), margin
    if method == "dilated":
        return ndimage.distance_transform_edt(~padded) <= max_distance, margin
    side = max(round(2 * max_distance), 2)
    block_padded = np.pad(padded, [(0, -length % side) for length in padded.shape])
    n_rows, n_columns = (length // side for length in block_padded.shape)
    filled_share = block_padded.reshape(n_rows, side, n_columns, side).mean(axis=(1, 3))
    # Where no block is half filled, the fullest block represents the object.
    selected = filled_share >= min(0.5, filled_share.max())
    blocks = np.repeat(np.repeat(selected, side, 0), side, 1)
    return blocks[: padded.shape[0], : padded.shape[1]], margin
