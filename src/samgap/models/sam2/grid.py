"""All masks of an image at a grid of points, by the package's automatic mask generator."""

from typing import Any

import numpy as np
import torch

from samgap.models import NOT_FINITE, Prediction
from samgap.models.runtime.device import cuda_shim
from samgap.models.runtime.precision import Precision

# isort: split
from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
from sam2.sam2_image_predictor import SAM2ImagePredictor

MAX_POINTS_PER_BATCH = 64
"""Maximum number of points in a batch, the generator's default. With less memory it is lower."""

MASKS_PER_POINT = 3


class _EncodedPredictor:
    """Wraps a predictor with an encoded image, which the generator would encode again for each crop."""

    def __init__(self, predictor: SAM2ImagePredictor, device: str, precision: Precision) -> None:
        self.predictor, self.run_device, self.precision = predictor, device, precision
        self.is_finite = True

    def _predict(self, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, ...]:
        with cuda_shim(self.run_device), self.precision.autocast(self.run_device):
            outputs = self.predictor._predict(*args, **kwargs)
        floats = tuple(output.float() for output in outputs)
        self.is_finite &= all(bool(output.isfinite().all()) for output in floats[1:])  # scores and logits
        return floats

    def set_image(self, image: np.ndarray) -> None:
        """Do nothing: the image is encoded already."""

    def reset_predictor(self) -> None:
        """Do nothing: the encoded image is used for further prompts."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.predictor, name)


def generate_masks(
    predictor: SAM2ImagePredictor, points: np.ndarray, device: str, precision: Precision, points_per_batch: int
) -> list[Prediction]:
    """Return the masks of the encoded image at a grid of points, highest score first.

    They are filtered with the default thresholds of the generator. A single score NaN if an output is not finite.

    Args:
        predictor: a predictor with an encoded image.
        points: (n, 2), x and y in px.
        device: `cpu` or `cuda`.
        precision: number format of the mask decoder.
        points_per_batch: number of points that are decoded at once.
    """
    height, width = predictor._orig_hw[-1]
    relative_points = points / np.array([width, height], np.float32)
    generator = SAM2AutomaticMaskGenerator(
        predictor.model,
        points_per_side=None,
        points_per_batch=points_per_batch,
        point_grids=[relative_points],
        output_mode="coco_rle",
    )
    generator.predictor = encoded = _EncodedPredictor(predictor, device, precision)
    predictions = []
    for mask in generator.generate(np.zeros((height, width, 3), np.uint8)):
        x, y, box_width, box_height = mask["bbox"]
        counts = mask["segmentation"]["counts"]
        predictions.append(
            Prediction(
                score=float(np.clip(mask["predicted_iou"], 0, 1)),
                box=(float(x), float(y), float(x + box_width), float(y + box_height)),
                area=int(mask["area"]),
                rle=counts if isinstance(counts, bytes) else counts.encode(),
            )
        )
    if not encoded.is_finite:  # the generator drops masks with NaN
        return [NOT_FINITE]
    return sorted(predictions, key=lambda prediction: -prediction.score)
