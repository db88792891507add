"""Family `shape`: no network, just a shape in the prompt's box, to show what the box itself gives away.

Options: `shape`, either `box` (every pixel of the box) or `ellipse` (the ellipse inscribed in it). No weights.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from samgap.models import Prediction
from samgap.models._predictions import predictions

KINDS = ("box", "point-box")


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> "Shape":
    """`weights` and `device` are other families' need."""
    return Shape(options["shape"])


class Shape:
    """`shape` (box or ellipse) drawn in each prompt's first box; score 1."""

    def __init__(self, shape: str) -> None:
        self.shape = shape

    def encode(self, image: Image.Image) -> None:
        self.width, self.height = image.size

    def answer(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        return [predictions(np.ones(1), None, self._mask(prompt["boxes"][0])[None]) for prompt in prompts]

    def _mask(self, box: Mapping[str, float]) -> np.ndarray:
        """A pixel belongs to the shape when its centre does."""
        x = np.arange(self.width)[None] + 0.5
        y = np.arange(self.height)[:, None] + 0.5
        if self.shape == "box":
            return (x > box["x0"]) & (x < box["x1"]) & (y > box["y0"]) & (y < box["y1"])
        middle_x, middle_y = (box["x0"] + box["x1"]) / 2, (box["y0"] + box["y1"]) / 2
        half_width, half_height = (box["x1"] - box["x0"]) / 2, (box["y1"] - box["y0"]) / 2
        return ((x - middle_x) / half_width) ** 2 + ((y - middle_y) / half_height) ** 2 <= 1
