"""Figures to watch a training by: a few validation images at the usual operating point.

They steer nothing and are published nowhere: the card's figures come from the metrics stage.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment

from samgap.annotations.ground_truth import GroundTruth
from samgap.annotations.phrases import find_truth_ids
from samgap.models import Model
from samgap.training.loop import DatasetSource


def validation_scores(
    model: Model,
    source: DatasetSource,
    ground_truth: GroundTruth,
    phrases: Sequence[Mapping[str, Any]],
    score_threshold: float = 0.5,
    max_images: int | None = None,
) -> dict[str, float]:
    """F1 at IoU 0.5 over all (image, phrase), the same of the first phrase, the matches' IoU, and IL_MCC.

    Of all images of the set, or of its first `images`.
    """
    counts = np.zeros((len(phrases), 2))  # of each phrase: hits, and masks predicted or wanted
    matched: list[float] = []
    confusion = np.zeros((2, 2))
    for image_id, image in list(ground_truth.images.items())[:max_images]:
        model.set_image(Image.open(source.image_folder / image["file_name"]).convert("RGB"))
        by_id = {item.id: item for item in ground_truth.instances_of(image_id)}
        for number, (phrase, found) in enumerate(zip(phrases, model.predict(phrases), strict=True)):
            masks = [
                {"size": [image["height"], image["width"]], "counts": one.rle}
                for one in found
                if one.score >= score_threshold
            ]
            right = [by_id[key].rle for key in find_truth_ids(phrase, image_id, ground_truth) or []]
            confusion[int(bool(right)), int(bool(masks))] += 1
            counts[number, 1] += len(masks) + len(right)
            if masks and right:
                overlap = coco_mask.iou(masks, right, [0] * len(right))
                pairs = overlap[linear_sum_assignment(-overlap)]
                counts[number, 0] += (pairs >= 0.5).sum()
                matched += pairs[pairs >= 0.5].tolist()
    (tn, fp), (fn, tp) = confusion
    spread = float((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) ** 0.5
    return {
        "val_f1": float(2 * counts[:, 0].sum() / max(counts[:, 1].sum(), 1)),
        "val_f1_first": float(2 * counts[0, 0] / max(counts[0, 1], 1)),
        "val_matched_iou": float(np.mean(matched)) if matched else 0.0,
        "val_il_mcc": float(tp * tn - fp * fn) / spread if spread else 0.0,
    }
