"""Model families: each module without a leading underscore is one, named by `models.<id>.family`.

A family declares `KINDS`, the kinds of prompt set it answers, and `open_model(options, weights, device)`, which
returns a `Model`. Only this package and `samgap.training` import torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image


@dataclass(frozen=True)
class Prediction:
    """One mask: its score (0 to 1), box (x0, y0, x1, y1, px), area (px) and compressed COCO RLE counts."""

    score: float
    box: tuple[float, float, float, float]
    area: int
    rle: bytes


class Model(Protocol):
    """A loaded model. `encode` takes an RGB image; `answer` then takes any number of its prompts (rows of table
    `prompts` as mappings) and returns the predictions of each, best score first."""

    def encode(self, image: Image.Image) -> None: ...

    def answer(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]: ...


class Family(Protocol):
    KINDS: tuple[str, ...]

    def open_model(self, options: Mapping[str, Any], weights: Path, device: str) -> Model: ...
