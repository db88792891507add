"""What the spatial kinds share: one row for each instance, its box, and who gets none."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.prompts.seed import Seed

logger = logging.getLogger("samgap")

MAX_EDGE_SHIFT_FRACTION = 0.45
"""An edge is moved by at most this share of its side, so that no box turns inside out."""


@dataclass(frozen=True)
class PromptTarget:
    """An instance that is asked for, its image, and its place among the image's instances."""

    instance: Instance
    image_row: Mapping[str, Any]
    instance_index: int

    def make_rng(self, seed: Seed, purpose: str) -> np.random.Generator:
        return seed.make_rng(self.image_row["file_name"], self.instance_index, purpose)


def make_instance_rows(
    truth: GroundTruth, kind: str, make_columns: Callable[[PromptTarget], Mapping[str, Any] | None]
) -> Iterator[dict[str, Any]]:
    """A row of `kind` for every instance that is not to be ignored, with what `asked` says of it.

    Where that is None there is no row; how many these are, and the first of them, is a warning.
    """
    left_out = []
    for image_id in sorted(truth.images):
        for place, item in enumerate(truth.instances_of(image_id)):
            if item.ignore:
                continue
            found = make_columns(PromptTarget(item, truth.images[image_id], place))
            if found is None:
                left_out.append(f"instance {item.id} of image {truth.images[image_id]['file_name']}")
            else:
                yield {"image_id": image_id, "kind": kind, "truth_ids": [item.id], **found}
    if left_out:
        logger.warning(
            "%d instances get no prompt of kind %s, as their labels hold no mask or nothing but the object is near "
            "(first: %s)", len(left_out), kind, left_out[0],
        )  # fmt: skip


def make_box(target: PromptTarget, options: Mapping[str, Any], seed: Seed) -> dict[str, Any]:
    """The tight box of the visible mask, px, end exclusive; its edges moved where `options` say `jitter`.

    Each edge is moved by a normal deviate of `jitter` times its side (a standard deviation, cut at `MOST`), and the
    box is cut at the image. SAM's training jitters by a tenth.
    """
    x0, y0, x1, y1 = target.instance.box
    jitter = options.get("jitter", 0)
    if jitter:
        noise = np.clip(
            target.make_rng(seed, "box").normal(size=4) * jitter, -MAX_EDGE_SHIFT_FRACTION, MAX_EDGE_SHIFT_FRACTION
        ).tolist()
        across, down = x1 - x0, y1 - y0
        width, height = target.image_row["width"], target.image_row["height"]
        x0, y0 = max(x0 + noise[0] * across, 0.0), max(y0 + noise[1] * down, 0.0)
        x1, y1 = min(x1 + noise[2] * across, float(width)), min(y1 + noise[3] * down, float(height))
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1, "label": 1}
