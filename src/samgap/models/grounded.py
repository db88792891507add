"""Family `grounded`: a detector predicts boxes for a phrase and a segmenter turns the boxes into masks.

With SAM2 as the segmenter this is known as grounded SAM2. Options: `detector`, the id of a model that accepts phrases,
and `segmenter`, the id of a model that accepts boxes. Both use the weights and options of their entries in
`models`. A mask gets the score, and the presence, of its box; the score of the segmenter is discarded.
"""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from samgap.config.plugin_import import import_plugin
from samgap.models import NOT_FINITE, Model, Prediction

KINDS = ("text", "exemplars")
OPTIONS = {
    "required": ["detector", "segmenter"],
    "properties": {
        "detector": {
            "description": "An id of `models` that accepts phrases; its boxes are used.",
            "$ref": "#/$defs/id",
        },
        "segmenter": {
            "description": "An id of `models` that accepts boxes; it predicts the masks in them.",
            "$ref": "#/$defs/id",
        },
        "weights": {
            "description": "Not allowed; its components have weights.",
            "not": {"description": "is not for the family `grounded`, whose components have their own"},
        },
    },
}


def open_model(options: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> "Grounded":
    """Open both components.

    Args:
        options: `options["parts"]` holds the options of the components by role, `detector` and `segmenter`.
        weights: paths of the components' weights files by role.
        device: `cpu` or `cuda`.
    """

    def open_component(role: str) -> Model:
        component_options = options["parts"][role]
        family = import_plugin("models", component_options["family"])
        return family.open_model(component_options, weights[role], device)

    return Grounded(open_component("detector"), open_component("segmenter"))


class Grounded:
    """A loaded detector and a loaded segmenter."""

    def __init__(self, detector: Model, segmenter: Model) -> None:
        self.detector, self.segmenter = detector, segmenter
        self.warnings: list[str] = []
        self.detect_ms = 0.0
        """The time of the detector in the last call of `predict`."""

    def set_image(self, image: Image.Image) -> None:
        """Encode the image with both components."""
        self.image_size = image.size
        self.detector.set_image(image)
        self.segmenter.set_image(image)

    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        """Return the masks for each prompt, in the order of the detector's boxes.

        The boxes of all prompts are segmented in one call. A box outside the image gives no mask. A score is NaN if the
        box or the mask is not finite.
        """
        start_time = time.perf_counter()
        # Scores and boxes are on the host, so the device has finished.
        detections_of_prompts = [list(detections) for detections in self.detector.predict(prompts)]
        self.detect_ms = 1e3 * (time.perf_counter() - start_time)
        detections_by_prompt = [
            [
                detection
                for detection in detections
                if not math.isfinite(detection.score) or self._compute_clipped_area(detection.box) > 0
            ]
            for detections in detections_of_prompts
        ]
        box_prompts = [
            self._make_box_prompt(detection.box)
            for detections in detections_by_prompt
            for detection in detections
            if math.isfinite(detection.score)
        ]
        mask_predictions = iter(self.segmenter.predict(box_prompts) if box_prompts else [])
        for component in (self.detector, self.segmenter):
            messages = getattr(component, "warnings", [])
            self.warnings += messages
            messages.clear()
        return [
            [
                self._copy_box_score(detection, mask)
                for detection in detections
                for mask in (next(mask_predictions)[:1] if math.isfinite(detection.score) else [NOT_FINITE])
            ]
            for detections in detections_by_prompt
        ]

    def _copy_box_score(self, detection: Prediction, mask: Prediction) -> Prediction:
        score = detection.score if math.isfinite(mask.score) else math.nan
        return Prediction(score, mask.box, mask.area, mask.rle, detection.presence)

    def _clip_box(self, box: Sequence[float]) -> tuple[float, float, float, float]:
        width, height = self.image_size
        x0, y0, x1, y1 = box
        return max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))

    def _compute_clipped_area(self, box: Sequence[float]) -> float:
        x0, y0, x1, y1 = self._clip_box(box)
        return max(x1 - x0, 0.0) * max(y1 - y0, 0.0)

    def _make_box_prompt(self, box: Sequence[float]) -> dict[str, Any]:
        corners = dict(zip(("x0", "y0", "x1", "y1"), self._clip_box(box), strict=True))
        return {"kind": "box", "phrase": None, "points": None, "mask": None, "boxes": [{**corners, "label": 1}]}
