"""Helpers of the spatial kinds of prompts: one row for each instance, and its box."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.prompts.seed import Seed

logger = logging.getLogger("samgap")

MAX_EDGE_SHIFT_FRACTION = 0.45
"""An edge moves by at most this fraction of its side, so that a jittered box always has an area."""


@dataclass(frozen=True)
class PromptTarget:
    """The instance of a prompt, its image, and its index among the instances of the image."""

    instance: Instance
    image_row: Mapping[str, Any]
    instance_index: int

    def make_rng(self, seed: Seed, purpose: str) -> np.random.Generator:
        """Return the random generator of this instance for one purpose."""
        return seed.make_rng(self.image_row["file_name"], self.instance_index, purpose)


def make_instance_rows(
    truth: GroundTruth, kind: str, make_columns: Callable[[PromptTarget], Mapping[str, Any] | None]
) -> Iterator[dict[str, Any]]:
    """Yield one row for each instance that is not marked `ignore`.

    Args:
        truth: the ground truth.
        kind: the row kind.
        make_columns: returns the columns with the prompt of an instance, or None if the instance has no prompt. The
            number of such instances, and the first of them, are logged as a warning.
    """
    skipped = []
    for image_id in sorted(truth.images):
        for index, instance in enumerate(truth.instances_of(image_id)):
            if instance.ignore:
                continue
            columns = make_columns(PromptTarget(instance, truth.images[image_id], index))
            if columns is None:
                skipped.append(f"instance {instance.id} of image {truth.images[image_id]['file_name']}")
            else:
                yield {"image_id": image_id, "kind": kind, "truth_ids": [instance.id], **columns}
    if skipped:
        logger.warning(
            "%d instances get no prompt of kind %s, because they have no mask or no background near them (first: %s)",
            len(skipped),
            kind,
            skipped[0],
        )


def make_box(target: PromptTarget, options: Mapping[str, Any], seed: Seed) -> dict[str, Any]:
    """Return the tight box of the instance's visible mask, px, end exclusive; jittered if `options` has `jitter`.

    Each edge moves by a normal deviate with a standard deviation of `jitter` times its side, clipped at
    `MAX_EDGE_SHIFT_FRACTION`; the box is clipped to the image. SAM's training uses a jitter of 0.1.
    """
    x0, y0, x1, y1 = target.instance.box
    jitter = options.get("jitter", 0)
    if jitter:
        noise = target.make_rng(seed, "box").normal(size=4) * jitter
        shifts = np.clip(noise, -MAX_EDGE_SHIFT_FRACTION, MAX_EDGE_SHIFT_FRACTION).tolist()
        box_width, box_height = x1 - x0, y1 - y0
        width, height = target.image_row["width"], target.image_row["height"]
        x0, y0 = max(x0 + shifts[0] * box_width, 0.0), max(y0 + shifts[1] * box_height, 0.0)
        x1, y1 = min(x1 + shifts[2] * box_width, float(width)), min(y1 + shifts[3] * box_height, float(height))
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1, "label": 1}
