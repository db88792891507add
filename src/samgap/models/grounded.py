"""Family `grounded`: two models, of which one finds boxes for a phrase and the other turns the boxes into masks.

So SAM2 is asked in words ("grounded SAM2"). Options: `detector` and `segmenter`, ids of `models`: any model that
answers phrases, of which the boxes are taken, and any that answers boxes. A mask's score is that of its box: the
detector says whether the thing is there, the segmenter only where its edge is. Both keep the weights and options of
their own entries.
"""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from samgap.config.plugins import module_name
from samgap.models import Model, Prediction

KINDS = ("phrases", "templates", "perturbations", "exemplar")


def open_model(options: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> "Grounded":
    """`weights` are the parts' files by role; `options["parts"]` their options, likewise."""

    def opened(role: str) -> Model:
        part = options["parts"][role]
        family = importlib.import_module(f"samgap.models.{module_name(part['family'])}")
        return family.open_model(part, weights[role], device)

    return Grounded(opened("detector"), opened("segmenter"))


class Grounded:
    """A detector and a segmenter, both loaded."""

    def __init__(self, detector: Model, segmenter: Model) -> None:
        self.detector, self.segmenter = detector, segmenter
        self.warnings: list[str] = []

    def set_image(self, image: Image.Image) -> None:
        self.image_size = image.size
        self.detector.set_image(image)
        self.segmenter.set_image(image)

    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        """An image's boxes of all phrases are asked together. A box without a pixel of the image gives no mask."""
        detected = [
            [one for one in found if self._clipped_area(one.box) > 0] for found in self.detector.predict(prompts)
        ]
        boxes = [self._make_box_prompt(one.box) for found in detected for one in found]
        answers = iter(self.segmenter.predict(boxes) if boxes else [])
        for part in (self.detector, self.segmenter):
            told = getattr(part, "warnings", [])
            self.warnings += told
            told.clear()
        return [[self._copy_box_score(one, mask) for one in found for mask in next(answers)[:1]] for found in detected]

    def _copy_box_score(self, box: Prediction, mask: Prediction) -> Prediction:
        return Prediction(box.score, mask.box, mask.area, mask.rle)

    def _clip_box(self, box: Sequence[float]) -> tuple[float, float, float, float]:
        width, height = self.image_size
        x0, y0, x1, y1 = box
        return max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))

    def _clipped_area(self, box: Sequence[float]) -> float:
        x0, y0, x1, y1 = self._clip_box(box)
        return max(x1 - x0, 0.0) * max(y1 - y0, 0.0)

    def _make_box_prompt(self, box: Sequence[float]) -> dict[str, Any]:
        edges = dict(zip(("x0", "y0", "x1", "y1"), self._clip_box(box), strict=True))
        return {"kind": "box", "phrase": None, "points": None, "mask": None, "boxes": [{**edges, "label": 1}]}
