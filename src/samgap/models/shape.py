"""Family `shape`: no network, just a shape in the prompt's box, to show what the box itself gives away.

Options: `shape`, either `box` (every pixel of the box) or `ellipse` (the ellipse inscribed in it). No weights.
What it is to follow through a sequence stays where it was shown: what standing still gives.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from samgap.errors import UserError
from samgap.models import FrameOutput, Prediction
from samgap.models.runtime.predictions import masks_to_predictions

KINDS = ("box", "point-box", "track")


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> "Shape":
    """`weights` and `device` are other families' need."""
    return Shape(options["shape"])


def open_tracker(options: Mapping[str, Any], weights: Path, device: str) -> "Shape":
    return Shape(options["shape"])


class Shape:
    """`shape` (box or ellipse) drawn in each prompt's first box; score 1."""

    def __init__(self, shape: str) -> None:
        self.shape = shape

    def set_image(self, image: Image.Image) -> None:
        self.width, self.height = image.size

    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        return [masks_to_predictions(np.ones(1), None, self._draw_mask(prompt["boxes"][0])[None]) for prompt in prompts]

    def track(
        self, frames: Sequence[Image.Image], object_prompts: Sequence[tuple[int, Mapping[str, Any]]]
    ) -> Iterator[FrameOutput]:
        if any(row.get("boxes") is None for _, row in object_prompts):
            raise UserError(
                "family shape: a track that is shown by points alone has no box to fill; ask with show: box"
            )
        starts = [frame for frame, _ in object_prompts]
        for frame in range(min(starts, default=len(frames)), len(frames)):
            self.set_image(frames[frame])
            yield FrameOutput(frame, None)
            seen = [number for number, start in enumerate(starts) if start <= frame]
            yield FrameOutput(
                frame, dict(zip(seen, self.predict([object_prompts[number][1] for number in seen]), strict=True))
            )

    def _draw_mask(self, box: Mapping[str, float]) -> np.ndarray:
        """A pixel belongs to the shape when its centre does."""
        x = np.arange(self.width)[None] + 0.5
        y = np.arange(self.height)[:, None] + 0.5
        if self.shape == "box":
            return (x > box["x0"]) & (x < box["x1"]) & (y > box["y0"]) & (y < box["y1"])
        middle_x, middle_y = (box["x0"] + box["x1"]) / 2, (box["y0"] + box["y1"]) / 2
        half_width, half_height = (box["x1"] - box["x0"]) / 2, (box["y1"] - box["y0"]) / 2
        return ((x - middle_x) / half_width) ** 2 + ((y - middle_y) / half_height) ** 2 <= 1
