"""Model families. A module or package of this folder is a family if it declares `KINDS`; `models.<id>.family` names it.

A family declares, as literals that are read without importing it:

- `KINDS`: the prompt sets that it accepts: ids of kinds, or properties, which stand for all kinds that declare them.
  `text`: phrases alone; `exemplars`: phrases with boxes; `spatial`: points, boxes or masks for one instance; `boxes`:
  those of them with boxes and without corrective clicks; `automatic`: the points of an automatic mask generator
  (`samgap.config.prompt_kinds.PROPERTIES`);
- `KINDS_WITH` (optional): further kinds, by the option of the model's entry that enables them;
- `MODULES_WITH` (optional): modules that only models with an option import, by the option; an edit of such a module
  reruns no other model;
- `KINDS_WITHOUT` (optional): kinds that it does not accept, by the option whose value `false` excludes them;
- `NEEDS_GPU` (optional, default True): False for a family that runs no network. It predicts on the CPU, and its modules
  should not import torch, which takes seconds at the start of each job.

It defines `open_model(options, weights, device)`, which returns a `Model`, and if it accepts the kind `track` also
`open_tracker(options, weights, device)`, which returns a `Tracker`. Only this package, `samgap.training`,
`samgap.inventory` and `samgap.demo_models` import torch.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from samgap.errors import UserError


@dataclass(frozen=True)
class Prediction:
    """One predicted mask."""

    score: float
    """Confidence, 0 to 1; NaN if the model's score or mask is not finite."""
    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 in px."""
    area: int
    """Number of pixels of the mask."""
    rle: bytes
    """Compressed counts of the mask's COCO RLE."""
    presence: float | None = None
    """Probability that the phrase is present in the image, 0 to 1; None for a model without one."""


NOT_FINITE = Prediction(float("nan"), (0.0, 0.0, 0.0, 0.0), 0, b"")
"""Stands for predictions of which a score, a box or a mask is NaN or infinite. The caller reports it."""


def get_only_box(prompt: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the box of a prompt, for a family that reads one positive box.

    Raises:
        UserError: it has several boxes, of which only one would be read, or a negative one.
    """
    where = f"prompt {prompt.get('prompt_id') or 'of a model'}"
    if len(prompt["boxes"]) != 1:
        raise UserError(
            f"{where} has {len(prompt['boxes'])} boxes, and the model reads one; make one prompt for each box, or use "
            "a model that accepts exemplars"
        )
    if prompt["boxes"][0].get("label", 1) != 1:
        raise UserError(f"{where} has a negative box, and the model reads a positive one; correct the prompt set")
    return prompt["boxes"][0]


class Model(Protocol):
    """A loaded model of single images.

    A model may have an attribute `warnings`, a list of messages about prompts that it changed. The caller clears it. A
    model that detects boxes before it predicts masks may have an attribute `detect_ms`, the time of the detection in
    the last call of `predict`.
    """

    def set_image(self, image: Image.Image) -> None:
        """Encode an RGB image. Later calls of `predict` refer to it."""

    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> Sequence[Sequence[Prediction]]:
        """Return the predictions for each prompt on the current image, highest score first.

        Args:
            prompts: rows of table `prompts` with the columns of `samgap.predictions.model_rows`, which hold nothing of
                the ground truth.

        Returns:
            One sequence for each prompt. It may still be computed by another thread; reading it waits for the result.
        """


@dataclass(frozen=True)
class FrameOutput:
    """The output of a tracker for one frame. Each frame is yielded twice: after encoding, then with predictions."""

    index: int
    """Position of the frame in the sequence."""
    predictions: Mapping[int, list[Prediction]] | None
    """None after encoding. Otherwise one prediction, or none, for each object prompted on this or an earlier frame,
    by the object's position in `object_prompts`."""


class Tracker(Protocol):
    """A loaded model of videos."""

    def track(
        self, frames: Sequence[Image.Image], object_prompts: Sequence[tuple[int, Mapping[str, Any]]]
    ) -> Iterator[FrameOutput]:
        """Track objects through a sequence.

        Args:
            frames: RGB frames, each read when it is indexed.
            object_prompts: for each object the index of the frame with its prompt, and the prompt, a row as for
                `Model.predict`.

        Yields:
            Two `FrameOutput`s for each frame from the first prompted frame on: without predictions, then with them.
        """


class Family(Protocol):
    """The interface of a family's module."""

    KINDS: tuple[str, ...]

    def open_model(self, options: Mapping[str, Any], weights: Path, device: str) -> Model:
        """Build the model of a configuration entry and load its weights.

        Args:
            options: the entry `models.<id>` of the configuration.
            weights: path of the weights file.
            device: `cpu` or `cuda`.
        """
