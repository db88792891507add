"""Family `shape`: fills each box prompt with a fixed shape, as a baseline without a network.

Option: `shape`, either `box` (all pixels of the box) or `ellipse` (the ellipse inscribed in the box). There are no
weights. A tracked object keeps the mask of its prompt on all later frames.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from samgap.errors import UserError
from samgap.models import FrameOutput, Prediction, get_only_box
from samgap.models.runtime.binary_masks import masks_to_predictions

KINDS = ("boxes",)
NEEDS_GPU = False
OPTIONS = {
    "required": ["shape"],
    "properties": {
        "shape": {"description": "The shape predicted in the box of the prompt.", "enum": ["box", "ellipse"]},
        "weights": {
            "description": "Not allowed; a shape has no weights.",
            "not": {"description": "is not for the family `shape`, which has no weights"},
        },
    },
}


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> "Shape":
    """Return the shape of `options`. `weights` and `device` are unused."""
    return Shape(options["shape"])


def open_tracker(options: Mapping[str, Any], weights: Path, device: str) -> "Shape":
    """Return the shape of `options` as a tracker. `weights` and `device` are unused."""
    return Shape(options["shape"])


class Shape:
    """Predicts a shape in the box of each prompt, with score 1.

    Args:
        shape: `box` or `ellipse`.
    """

    def __init__(self, shape: str) -> None:
        self.shape = shape

    def set_image(self, image: Image.Image) -> None:
        """Store the size of the image."""
        self.width, self.height = image.size

    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        """Return one mask for each prompt, or none if the shape covers no pixel centre of the image."""
        return [
            masks_to_predictions(np.ones(1), None, self._draw_mask(get_only_box(prompt))[None]) for prompt in prompts
        ]

    def track(
        self, frames: Sequence[Image.Image], object_prompts: Sequence[tuple[int, Mapping[str, Any]]]
    ) -> Iterator[FrameOutput]:
        """Repeat each object's mask on its prompted frame and all later ones (see `samgap.models.Tracker`).

        Raises:
            UserError: a prompt has no box.
        """
        if any(prompt.get("boxes") is None for _, prompt in object_prompts):
            raise UserError(
                "family shape: a track is prompted by points alone, but a shape needs a box; set `show: box` in the "
                "prompt set"
            )
        start_frames = [frame_index for frame_index, _ in object_prompts]
        for frame_index in range(min(start_frames, default=len(frames)), len(frames)):
            self.set_image(frames[frame_index])
            yield FrameOutput(frame_index, None)
            tracked = [object_id for object_id, start in enumerate(start_frames) if start <= frame_index]
            predictions = self.predict([object_prompts[object_id][1] for object_id in tracked])
            yield FrameOutput(frame_index, dict(zip(tracked, predictions, strict=True)))

    def _draw_mask(self, box: Mapping[str, float]) -> np.ndarray:
        """Return a bool mask (height, width) of the pixels whose centre is inside the shape."""
        x = np.arange(self.width)[None] + 0.5
        y = np.arange(self.height)[:, None] + 0.5
        if self.shape == "box":
            return (x > box["x0"]) & (x < box["x1"]) & (y > box["y0"]) & (y < box["y1"])
        center_x, center_y = (box["x0"] + box["x1"]) / 2, (box["y0"] + box["y1"]) / 2
        half_width, half_height = (box["x1"] - box["x0"]) / 2, (box["y1"] - box["y0"]) / 2
        return ((x - center_x) / half_width) ** 2 + ((y - center_y) / half_height) ** 2 <= 1
