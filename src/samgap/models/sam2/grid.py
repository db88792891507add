"""Everything in an image, by the package's own automatic mask generator."""

from typing import Any

import numpy as np
import torch

from samgap.models import Prediction
from samgap.models.runtime.device import cuda_shim
from samgap.models.runtime.precision import Precision

# isort: split
from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
from sam2.sam2_image_predictor import SAM2ImagePredictor

MAX_POINTS_PER_BATCH = 64
"""The package's own number; with less memory fewer."""

MASKS_PER_POINT = 3


class _EncodedPredictor:
    """A predictor whose image is set already: the generator would encode it a second time."""

    def __init__(self, predictor: SAM2ImagePredictor, device: str, precision: Precision) -> None:
        self.predictor, self.run_device, self.precision = predictor, device, precision

    def _predict(self, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, ...]:
        with cuda_shim(self.run_device), self.precision.autocast(self.run_device):
            found = self.predictor._predict(*args, **kwargs)
        return tuple(each.float() for each in found)

    def set_image(self, image: np.ndarray) -> None:
        pass

    def reset_predictor(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self.predictor, name)


def generate_masks(
    predictor: SAM2ImagePredictor, points: np.ndarray, device: str, precision: Precision, points_per_batch: int
) -> list[Prediction]:
    """Masks of the encoded image at `points` (n, 2) px, as the generator's defaults filter them; best first."""
    height, width = predictor._orig_hw[-1]
    share = points / np.array([width, height], np.float32)
    generator = SAM2AutomaticMaskGenerator(
        predictor.model,
        points_per_side=None,
        points_per_batch=points_per_batch,
        point_grids=[share],
        output_mode="coco_rle",
    )
    generator.predictor = _EncodedPredictor(predictor, device, precision)
    found = []
    for one in generator.generate(np.zeros((height, width, 3), np.uint8)):
        left, top, wide, high = one["bbox"]
        counts = one["segmentation"]["counts"]
        box = (float(left), float(top), float(left + wide), float(top + high))
        score = float(np.clip(one["predicted_iou"], 0, 1))
        found.append(Prediction(score, box, int(one["area"]), counts if isinstance(counts, bytes) else counts.encode()))
    return sorted(found, key=lambda one: -one.score)
