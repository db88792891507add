"""Kind `mask`: a coarse mask of every instance as a prior, made from its true one; with points too where asked.

`coarse` says how it is coarse, `amount` how much, as a share of the object's inscribed radius r: `eroded` keeps what is
deeper than amount · r; `dilated` adds what is within amount · r; `blocky` paints whole blocks of 2 · amount · r.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import ndimage

from samgap.annotations.ground_truth import GroundTruth
from samgap.masks import rle as shapes
from samgap.prompts.points import distance_transform, sample_points
from samgap.prompts.seed import Seed
from samgap.prompts.spatial import PromptTarget, make_instance_rows


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    def asked(target: PromptTarget) -> dict[str, Any] | None:
        if target.instance.rle is None:
            return None
        crop = shapes.crop(target.instance.rle)
        inside, margin = coarsen_mask(crop.mask, options["coarse"], options.get("amount", 0.3))
        prior = np.zeros((target.image_row["height"] + 2 * margin, target.image_row["width"] + 2 * margin), bool)
        prior[crop.top : crop.top + inside.shape[0], crop.left : crop.left + inside.shape[1]] = inside
        prior = prior[margin : prior.shape[0] - margin, margin : prior.shape[1] - margin]
        row: dict[str, Any] = {"mask": shapes.encode(prior)["counts"]}
        if options.get("points", 0):
            row["points"] = sample_points(target, options, seed)
        return row

    return make_instance_rows(truth, "mask", asked)


def coarsen_mask(mask: np.ndarray, method: str, radius_fraction: float) -> tuple[np.ndarray, int]:
    """`mask` (bool, not empty) made coarse (see above), with a margin of so many px on every side; never empty."""
    deep = distance_transform(mask)
    reach = radius_fraction * float(deep.max())
    margin = int(np.ceil(2 * reach)) + 1
    wide = np.pad(mask, margin)
    if method == "eroded":
        # The deepest pixel is deeper than any share below 1 of its own depth.
        return np.pad(deep > reach, margin), margin
    if method == "dilated":
        return ndimage.distance_transform_edt(~wide) <= reach, margin
    side = max(round(2 * reach), 2)
    filled = np.pad(wide, [(0, -length % side) for length in wide.shape])
    share = filled.reshape(filled.shape[0] // side, side, filled.shape[1] // side, side).mean(axis=(1, 3))
    # Half of a block is filled, or none has so much and the fullest one stands for the object.
    blocks = np.repeat(np.repeat(share >= min(0.5, share.max()), side, 0), side, 1)
    return blocks[: wide.shape[0], : wide.shape[1]], margin
