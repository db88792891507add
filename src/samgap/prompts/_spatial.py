"""What the spatial kinds share: one row for each instance, its box, and who gets none."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from samgap.prompts._seed import Seed
from samgap.truth import Instance, Truth

logger = logging.getLogger("samgap")

MOST = 0.45
"""An edge is moved by at most this share of its side, so that no box turns inside out."""


@dataclass(frozen=True)
class Target:
    """An instance that is asked for, its image, and its place among the image's instances."""

    item: Instance
    image: Mapping[str, Any]
    place: int

    def rng(self, seed: Seed, what: str) -> np.random.Generator:
        return seed.of(self.image["file_name"], self.place, what)


def rows(truth: Truth, kind: str, asked: Callable[[Target], Mapping[str, Any] | None]) -> Iterator[dict[str, Any]]:
    """A row of `kind` for every instance that is not to be ignored, with what `asked` says of it.

    Where that is None there is no row; how many these are, and the first of them, is a warning.
    """
    left_out = []
    for image_id in sorted(truth.images):
        for place, item in enumerate(truth.of(image_id)):
            if item.ignore:
                continue
            found = asked(Target(item, truth.images[image_id], place))
            if found is None:
                left_out.append(f"instance {item.id} of image {truth.images[image_id]['file_name']}")
            else:
                yield {"image_id": image_id, "kind": kind, "truth_ids": [item.id], **found}
    if left_out:
        logger.warning(
            "%d instances get no prompt of kind %s, as their labels hold no mask or nothing but the object is near "
            "(first: %s)", len(left_out), kind, left_out[0],
        )  # fmt: skip


def box(target: Target, options: Mapping[str, Any], seed: Seed) -> dict[str, Any]:
    """The tight box of the visible mask, px, end exclusive; its edges moved where `options` say `jitter`.

    Each edge is moved by a normal deviate of `jitter` times its side (a standard deviation, cut at `MOST`), and the
    box is cut at the image. SAM's training jitters by a tenth.
    """
    x0, y0, x1, y1 = target.item.box
    jitter = options.get("jitter", 0)
    if jitter:
        noise = np.clip(target.rng(seed, "box").normal(size=4) * jitter, -MOST, MOST).tolist()
        across, down = x1 - x0, y1 - y0
        width, height = target.image["width"], target.image["height"]
        x0, y0 = max(x0 + noise[0] * across, 0.0), max(y0 + noise[1] * down, 0.0)
        x1, y1 = min(x1 + noise[2] * across, float(width)), min(y1 + noise[3] * down, float(height))
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1, "label": 1}
