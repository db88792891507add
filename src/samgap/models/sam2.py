"""Family `sam2`: the package `sam2`, asked by points and boxes.

Options: `config` (one of the package's own configurations), `overrides` (hydra overrides by key, for a small model).
An image is encoded once; its prompts go through the mask decoder in batches. Of the three masks that answer a
prompt the one with the best predicted IoU is taken.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from samgap.models import Prediction
from samgap.models._predictions import predictions
from samgap.models._weights import fill, read

# isort: split
from sam2.build_sam import build_sam2
from sam2.modeling.sam2_base import SAM2Base
from sam2.sam2_image_predictor import SAM2ImagePredictor

KINDS = ("box", "point", "point-box")

PROMPTS_AT_ONCE = 32


def build(options: Mapping[str, Any], device: str) -> SAM2Base:
    """The model of `options`, randomly initialised."""
    overrides = [f"{key}={value}" for key, value in (options.get("overrides") or {}).items()]
    return build_sam2(options["config"], ckpt_path=None, device=device, hydra_overrides_extra=overrides)


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> "Sam2":
    """Build the model and load its weights (`{"model": …}`)."""
    model = build(options, device)
    fill(model, read(weights).get("model", {}), str(weights))
    return Sam2(model.eval())


class Sam2:
    """A loaded SAM2 image model."""

    def __init__(self, model: SAM2Base) -> None:
        self.predictor = SAM2ImagePredictor(model)
        side = model.image_size
        # The package fixes these for an input of 1024 px.
        self.predictor._bb_feat_sizes = [(side // 4, side // 4), (side // 8, side // 8), (side // 16, side // 16)]

    def encode(self, image: Image.Image) -> None:
        self.predictor.set_image(image)

    def answer(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        found: list[list[Prediction]] = []
        for start in range(0, len(prompts), PROMPTS_AT_ONCE):
            found += self._ask(prompts[start : start + PROMPTS_AT_ONCE])
        return found

    @torch.inference_mode()
    def _ask(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        points, labels = _points(prompts)
        _, points, labels, boxes = self.predictor._prep_prompts(points, labels, _boxes(prompts), None, True)
        masks, quality, _ = self.predictor._predict(points, labels, boxes, multimask_output=True)
        best = quality.argmax(dim=1)
        rows = torch.arange(len(best), device=best.device)
        chosen = np.asarray(masks[rows, best].cpu())
        scores = quality[rows, best].float().cpu().numpy()
        return [predictions(scores[[row]], None, chosen[[row]]) for row in range(len(prompts))]


def _points(prompts: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Coordinates (prompts, points, 2) in px and labels (prompts, points); all prompts of a set hold equally many."""
    if not _given(prompts[0]["points"]):
        return None, None
    coordinates = [[(point["x"], point["y"]) for point in prompt["points"]] for prompt in prompts]
    labels = [[point["label"] for point in prompt["points"]] for prompt in prompts]
    return np.array(coordinates, np.float32), np.array(labels, np.int32)


def _boxes(prompts: Sequence[Mapping[str, Any]]) -> np.ndarray | None:
    """Boxes (prompts, 4) in px, x0 y0 x1 y1."""
    if not _given(prompts[0]["boxes"]):
        return None
    return np.array([[prompt["boxes"][0][edge] for edge in ("x0", "y0", "x1", "y1")] for prompt in prompts], np.float32)


def _given(value: Any) -> bool:
    return value is not None and len(value) > 0
