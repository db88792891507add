"""Validation scores of a training with spatial prompts: the mean IoU of boxes and points on a few images.

They are for monitoring a training; published scores come from the matching and statistics stages.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.models import Model
from samgap.training.sam2.batch import drop_ignored, find_deepest_point
from samgap.training.tasks import DatasetSource


def compute_prompt_scores(
    model: Model, source: DatasetSource, ground_truth: GroundTruth, max_images: int
) -> dict[str, float]:
    """Return `val_box_iou` and `val_point_iou`, the mean IoU of the first mask, on the first `max_images` images.

    A score that no image has, because none has a mask, is left out.
    """
    ious: dict[str, list[float]] = {"val_box_iou": [], "val_point_iou": []}
    for image_id in list(ground_truth.images)[:max_images]:
        row = ground_truth.images[image_id]
        instances = [
            instance for instance in drop_ignored(ground_truth.instances_of(image_id)) if instance.rle is not None
        ]
        if instances:
            with Image.open(source.image_folder / row["file_name"]) as image:
                model.set_image(image.convert("RGB"))
            for name, prompts in _make_prompts(instances).items():
                ious[name] += map(_compute_first_iou, instances, model.predict(prompts))
    return {name: float(np.mean(values)) for name, values in ious.items() if values}


def _compute_first_iou(instance: Instance, predictions: Sequence[Any]) -> float:
    """Return the IoU of the first predicted mask with the instance's, 0 if there is none."""
    if not predictions:
        return 0.0
    rle = {"size": instance.rle["size"], "counts": predictions[0].rle}  # type: ignore[index]
    return float(coco_mask.iou([rle], [instance.rle], [0])[0, 0])


def _make_prompts(instances: Sequence[Instance]) -> dict[str, list[dict[str, Any]]]:
    """Return a box prompt and a point prompt for each instance, by the name of their score."""
    boxes, points = [], []
    for instance in instances:
        box = dict(zip(("x0", "y0", "x1", "y1"), instance.box, strict=True))
        boxes.append({"kind": "box", "boxes": [box], "points": None})
        x, y = find_deepest_point(instance.decode_mask())
        points.append({"kind": "point", "boxes": None, "points": [{"x": x, "y": y, "label": 1}]})
    return {"val_box_iou": boxes, "val_point_iou": points}
