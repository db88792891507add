"""Average precision of masks or boxes over phrases, with phrases as categories."""

import functools
import hashlib
from collections.abc import Sequence
from typing import Literal, Unpack

import numpy as np
import pandas as pd

from samgap.matching import coco
from samgap.metrics.base import Description, RankedMetric, Reason, Resampler, SharedCache, divide, set_fields
from samgap.metrics.columns import float_column
from samgap.metrics.operating_point import ALL_IOUS, ALL_SCORES, CROWD, OperatingPoint
from samgap.metrics.reasons import no_phrase_reason, require_masks
from samgap.metrics.row_masks import is_evaluable_phrase
from samgap.tables.matching import IOU_THRESHOLDS

IouType = Literal["mask", "box"]
RankedPhrase = tuple[bytes, coco.RankedDetections, np.ndarray]
"""Cache key, ranked detections and number of instances per cluster of one phrase."""


def average_precision(
    iou_type: IouType,
    *,
    size: str = "all",
    iou_thresholds: Sequence[float] = IOU_THRESHOLDS,
    max_detections: int = coco.MAX_DETECTIONS,
    **description: Unpack[Description],
) -> RankedMetric:
    """Build the mean of COCO's average precision over IoU thresholds and phrases.

    Args:
        iou_type: Whether detections are matched by the IoU of masks or of boxes.
        size: `all`, or the area range of the instances that count.
        iou_thresholds: Some of `IOU_THRESHOLDS`.
        max_detections: Number of detections per image and phrase that count, best scores first.
        **description: Label, source and other fields of the metric.

    Equal scores are in the order of image id, prompt id and prediction id, so the value depends on neither the order of
    the rows nor the number of shards. Source: pycocotools, `COCOeval.accumulate` and `summarize`.
    """
    iou_text = ALL_IOUS if len(iou_thresholds) > 1 else f"{iou_thresholds[0]:.2f}"
    threshold_indices = [IOU_THRESHOLDS.index(threshold) for threshold in iou_thresholds]

    def make_resampler(pairs: pd.DataFrame, clusters: np.ndarray, cache: SharedCache | None = None) -> Resampler:
        phrases = _rank_phrases(pairs, clusters, iou_type, size, max_detections)
        values: SharedCache = {} if cache is None else cache

        def resample(weights: np.ndarray) -> np.ndarray:
            total, count = np.zeros(len(weights)), np.zeros(len(weights))
            for key, detections, positives in phrases:
                # A phrase without an instance in the (resampled) images is not a category.
                n_positives = np.einsum("rc,c->r", weights[:, : len(positives)], positives)
                missing = [index for index in threshold_indices if (key, index) not in values]
                if missing:
                    computed = detections.average_precision(weights, n_positives, missing)
                    values.update(((key, index), ap) for index, ap in zip(missing, computed, strict=True))
                for index in threshold_indices:
                    total += np.nan_to_num(values[key, index])
                    count += n_positives > 0
            if cache is None:
                values.clear()
            return divide(total, count)

        return resample

    def carries_value(pairs: pd.DataFrame) -> np.ndarray:
        """Select rows with an instance or a prediction, of phrases with an instance in one of the images."""
        positives = float_column(pairs, _count_name(size))
        n_of_phrase = pd.Series(positives).groupby(pairs["phrase"].to_numpy()).transform("sum").to_numpy()
        has_prediction = np.array([len(scores) > 0 for scores in pairs["scores"]], bool)
        return ((positives > 0) | has_prediction) & (n_of_phrase > 0)

    return RankedMetric(
        make_resampler=make_resampler,
        carries_value=carries_value,
        row_mask=is_evaluable_phrase,
        not_evaluable_reason=_size_reason(iou_type, size),
        **set_fields(
            description,
            higher_is_better=True,
            operating_point=OperatingPoint(iou_text, ALL_SCORES, CROWD),
            # The precision at a recall is the highest at that recall or beyond, so chance raises it.
            is_biased=True,
        ),
    )


def average_precision_variants(iou_type: IouType, label: str, source: str) -> dict[str, RankedMetric]:
    """Build COCO's variants of average precision: all thresholds, one threshold, one size, 100 detections."""
    build = functools.partial(average_precision, iou_type, needs_exhaustive_labels=True, source=source)
    variants = {
        "": build(label=label),
        "50": build(iou_thresholds=(0.5,), label=f"{label}@50"),
        "75": build(iou_thresholds=(0.75,), label=f"{label}@75"),
        "coco": build(
            max_detections=coco.COCO_MAX_DETECTIONS, label=f"{label} ({coco.COCO_MAX_DETECTIONS} detections)"
        ),
    }
    for size in ("small", "medium", "large"):
        variants[size] = build(size=size, label=f"{label}, {size}")
    return variants


def _rank_phrases(
    pairs: pd.DataFrame, clusters: np.ndarray, iou_type: IouType, size: str, max_detections: int
) -> list[RankedPhrase]:
    n_clusters = int(clusters.max()) + 1
    phrases = []
    # Only the keys are sorted: the table has many columns.
    keys = ["image_id", "prompt_id"]
    order = pairs[keys].reset_index(drop=True).sort_values(keys).index.to_numpy()
    ordered, clusters = (
        pairs[["phrase", "scores", f"hits_{iou_type}_{size}", _count_name(size)]].iloc[order],
        clusters[order],
    )
    for _, row_numbers in sorted(ordered.groupby("phrase").indices.items()):
        rows, codes = ordered.iloc[row_numbers], clusters[row_numbers]
        hits = rows[f"hits_{iou_type}_{size}"]
        detections = coco.RankedDetections(rows["scores"].tolist(), hits.tolist(), codes, max_detections)
        positives = np.bincount(codes, weights=float_column(rows, _count_name(size)), minlength=n_clusters)
        # Equal rankings have equal values, so metrics and strata share them.
        key = hashlib.sha256(detections.hit_bits.tobytes() + detections.clusters.tobytes() + positives.tobytes())
        phrases.append((key.digest(), detections, positives))
    return phrases


def _count_name(size: str) -> str:
    return "n_truth" if size == "all" else f"truth_{size}"


def _size_reason(iou_type: IouType, size: str) -> Reason:
    base_reason = no_phrase_reason if iou_type == "box" else require_masks(no_phrase_reason)
    if size == "all":
        return base_reason

    def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
        if reason := base_reason(pairs):
            return reason
        has_instance = float_column(pairs, f"truth_{size}")[is_evaluable_phrase(pairs)].any()
        return None if has_instance else f"not evaluable: no prompted instance is {size}"

    return not_evaluable_reason
