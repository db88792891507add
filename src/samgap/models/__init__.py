"""Model families: each module without a leading underscore is one, named by `models.<id>.family`.

A family declares `KINDS`, the kinds of prompt set it answers, and `open_model(options, weights, device)`, which
returns a `Model`. What it answers only where a model's entry has an option set stands in `KINDS_WITH`, by that option.
A family with the kind `track` also has `open_tracker`, of the same form, which returns a `Tracker`.
Only this package and `samgap.training` import torch.
"""

from collections.abc import Iterator, Mapping, Sequence
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
    `prompts` as mappings) and returns the predictions of each, best score first; they may still be in the making, and
    whoever looks at them waits. `notes`, if a model has them, tells what it did to a prompt, one line each."""

    def set_image(self, image: Image.Image) -> None: ...

    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> Sequence[Sequence[Prediction]]: ...


@dataclass(frozen=True)
class FrameOutput:
    """A frame of a sequence, by its number: first when it is encoded (`answers` is None), then answered.

    `answers` has for each object that was shown up to here, by its number, one prediction, or none where the model
    does not see it.
    """

    index: int
    predictions: Mapping[int, list[Prediction]] | None


class Tracker(Protocol):
    """A loaded video model. `track` takes the RGB frames of a sequence (read as they are indexed) and for each object
    the number of the frame on which it is shown, and the row of table `prompts` that shows it there."""

    def track(
        self, frames: Sequence[Image.Image], object_prompts: Sequence[tuple[int, Mapping[str, Any]]]
    ) -> Iterator[FrameOutput]: ...


class Family(Protocol):
    KINDS: tuple[str, ...]

    def open_model(self, options: Mapping[str, Any], weights: Path, device: str) -> Model: ...
