"""Validation scores of a training with phrases: a few images at the usual score threshold.

They are for monitoring a training; published scores come from the matching and statistics stages.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment

from samgap.annotations.ground_truth import GroundTruth
from samgap.annotations.phrases import find_truth_ids, is_presence_known
from samgap.models import Model
from samgap.training.tasks import DatasetSource

MIN_IOU = 0.5
"""IoU from which a predicted and a ground-truth mask match."""


def compute_validation_scores(
    model: Model,
    source: DatasetSource,
    ground_truth: GroundTruth,
    phrases: Sequence[Mapping[str, Any]],
    score_threshold: float = 0.5,
    max_images: int | None = None,
) -> dict[str, float]:
    """Return scores of phrases as prompts on the first `max_images` images (None: all).

    Returns:
        `val_f1` (F1 at IoU 0.5 over all images and phrases), `val_f1_first` (of the first phrase alone),
        `val_matched_iou` (mean IoU of the matched masks) and `val_il_mcc` (image-level MCC of presence, over the images
        and phrases where it is known). Phrases of instances without a mask count for the last one alone; it is
        the only score if there are no masks. Empty without phrases.
    """
    if not phrases:
        return {}
    counts = np.zeros((len(phrases), 2))  # by phrase: matched masks, and predicted plus ground-truth masks
    matched_ious: list[float] = []
    presence = np.zeros((2, 2))  # image-phrase pairs by ground truth (absent, present) and prediction
    rows = [{"phrase": phrase["phrase"]} for phrase in phrases]
    for image_id, image in list(ground_truth.images.items())[:max_images]:
        model.set_image(Image.open(source.image_folder / image["file_name"]).convert("RGB"))
        rles = {instance.id: instance.rle for instance in ground_truth.instances_of(image_id)}
        for index, (phrase, predictions) in enumerate(zip(phrases, model.predict(rows), strict=True)):
            predicted = [
                {"size": [image["height"], image["width"]], "counts": prediction.rle}
                for prediction in predictions
                if prediction.score >= score_threshold
            ]
            truth_ids = find_truth_ids(phrase, image_id, ground_truth)
            if truth_ids is None:
                continue
            targets = [rles[truth_id] for truth_id in truth_ids]
            if is_presence_known(phrase, image_id, ground_truth, truth_ids):
                presence[int(bool(targets)), int(bool(predicted))] += 1
            if any(target is None for target in targets):
                continue
            ious = _compute_matched_ious(predicted, targets)
            counts[index] += len(ious), len(predicted) + len(targets)
            matched_ious += ious
    presence_score = {"val_il_mcc": _compute_matthews_correlation(presence)}
    if not counts.any():  # no masks to compare
        return presence_score
    return {
        "val_f1": float(2 * counts[:, 0].sum() / counts[:, 1].sum()),
        "val_f1_first": float(2 * counts[0, 0] / max(counts[0, 1], 1)),
        "val_matched_iou": float(np.mean(matched_ious)) if matched_ious else 0.0,
        **presence_score,
    }


def _compute_matched_ious(predicted: Sequence[Any], targets: Sequence[Any]) -> list[float]:
    """Return the IoUs of the pairs that match in the assignment of the largest total IoU."""
    if not predicted or not targets:
        return []
    iou = coco_mask.iou(predicted, targets, [0] * len(targets))
    assigned = iou[linear_sum_assignment(-iou)]
    return list(assigned[assigned >= MIN_IOU].tolist())


def _compute_matthews_correlation(confusion: np.ndarray) -> float:
    """Return the Matthews correlation coefficient of a 2 x 2 confusion matrix, 0 where it is undefined."""
    (tn, fp), (fn, tp) = confusion
    denominator = float((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) ** 0.5
    return float(tp * tn - fp * fn) / denominator if denominator else 0.0
