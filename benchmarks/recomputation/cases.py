"""Prompts with their instances and predictions, and the predictions that are assigned at a score threshold."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from benchmarks.recomputation.measures import find_boundary
from benchmarks.recomputation.raw import Image, Instance, Prediction

SPATIAL_KINDS = ("box", "point", "point-box", "mask", "clicks", "track")
PHRASE_KINDS = ("phrase", "other")
OTHER_KINDS = ("grid",)
MATCH = 0.5
"""The IoU from which a mask is a match, and the share in `ignore` instances from which it is excused."""
MAX_DETECTIONS = 1000
BLOCK = 64
"""Predictions that are decoded at once."""


@dataclass(frozen=True)
class Outcome:
    """The predictions of a prompt that count, and those that are assigned to its instances."""

    masks: list[Prediction]
    assigned: list[Prediction | None]
    """Of each instance."""
    ious: list[float]
    """Of each instance with its prediction; 0 without one."""
    matrix: np.ndarray
    """IoU of each of `masks` with each instance."""
    shares_on_truth: np.ndarray
    """The share of each of `masks` on the prompt's instances."""
    shares_on_labels: np.ndarray
    """The share of each of `masks` on any annotated instance."""


@dataclass
class Case:
    """A prompt for an image."""

    image: Image
    prompt: Any
    predictions: list[Prediction]
    truth: list[Instance]
    is_evaluable: bool
    ignored: list[Instance]
    """The `ignore` instances that excuse predictions of the prompt."""
    labelled_distance_px: float
    numbers: list[int] = field(default_factory=list)
    """Indices of the instances of the stratum."""
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    """By the number of predictions above the score threshold."""
    overlaps: dict[str, np.ndarray] = field(default_factory=dict)
    measured: dict[Any, float | None] = field(default_factory=dict)
    """Measures of an instance and its prediction, which strata share."""

    def __post_init__(self) -> None:
        if not self.numbers:
            self.numbers = list(range(len(self.truth)))
        if not self.overlaps:
            self.overlaps |= self._measure_overlaps()

    @property
    def is_spatial(self) -> bool:
        """Whether the prompt refers to one instance."""
        return self.prompt.kind in SPATIAL_KINDS

    @property
    def is_phrase(self) -> bool:
        """Whether the prompt is an evaluable phrase of a concept."""
        return self.is_evaluable and self.prompt.kind == "phrase"

    @property
    def is_presence_known(self) -> bool:
        """Whether the labels say that the phrase is present or absent."""
        return self.is_phrase and (bool(self.truth) or not self.ignored)

    def restrict(self, numbers: list[int]) -> "Case":
        """Return the case with some of the prompt's instances, whose predictions stay assigned."""
        return replace(self, numbers=numbers)

    def _measure_overlaps(self) -> dict[str, np.ndarray]:
        truth = [item.mask.decode() for item in self.truth]
        unions = [self.merge(items) for items in (self.truth, self.image.instances, self.ignored)]
        regions = np.array([*truth, *unions], np.float32).reshape(len(truth) + 3, -1)
        areas = np.array([prediction.mask.area for prediction in self.predictions], np.float64)
        common = np.zeros((len(areas), len(regions)))
        for start in range(0, len(areas), BLOCK):
            block = [prediction.mask.decode().ravel() for prediction in self.predictions[start : start + BLOCK]]
            # Products of float32 are exact up to 2^24 pixels.
            common[start : start + BLOCK] = np.array(block, np.float32) @ regions.T
        on_instances, (on_truth, on_labels, on_ignored) = common[:, :-3], common[:, -3:].T
        union = areas[:, None] + regions[:-3].sum(axis=1, dtype=np.float64)[None] - on_instances
        return {
            "iou": np.divide(on_instances, union, out=np.zeros_like(union), where=union > 0),
            "is_excusable": (on_ignored > 0) & (on_ignored >= MATCH * areas),
            "on_truth": on_truth / np.maximum(areas, 1),
            "on_labels": on_labels / np.maximum(areas, 1),
        }

    def count(self, threshold: float) -> Outcome:
        """Return the outcome at a score threshold, which does not matter for spatial prompts."""
        rows = self._select(threshold)
        key = len(rows)
        if key not in self.outcomes:
            self.outcomes[key] = self._assign(rows, self.overlaps["iou"])
        return self.outcomes[key]

    def count_boxes(self, threshold: float) -> Outcome:
        """Return the outcome at a score threshold if boxes are assigned by their IoU, and not masks."""
        matrix = [[measure_box_iou(each.box, item.box) for item in self.truth] for each in self.predictions]
        return self._assign(self._select(threshold), np.array(matrix).reshape(self.overlaps["iou"].shape))

    def _select(self, threshold: float) -> list[int]:
        scores = np.array([prediction.score for prediction in self.predictions])
        if not self.is_spatial:
            return np.flatnonzero(scores >= threshold).tolist()
        if not len(scores):
            return []
        clicks = [prediction.clicks for prediction in self.predictions]
        if all(number is not None for number in clicks):
            return [int(np.argmax(clicks))]
        best = int(np.argmax(scores))
        return [best] if self.predictions[best].mask.area else []

    def _assign(self, rows: list[int], ious_of_all: np.ndarray) -> Outcome:
        """Assign one to one with the largest sum of IoUs; leave out what is unmatched and in ignored instances."""
        while True:
            matrix = ious_of_all[rows]
            assigned: list[Prediction | None] = [None] * len(self.truth)
            ious, best = [0.0] * len(self.truth), np.zeros(len(rows))
            for row, column in zip(*linear_sum_assignment(matrix, maximize=True), strict=True):
                if matrix[row, column] > 0:
                    assigned[column], ious[column] = self.predictions[rows[row]], float(matrix[row, column])
                    best[row] = matrix[row, column]
            excused = self.overlaps["is_excusable"][rows] & (best < MATCH)
            if not excused.any() or self.is_spatial:
                break
            rows = [row for row, is_excused in zip(rows, excused, strict=True) if not is_excused]
        masks = [self.predictions[row] for row in rows]
        on_truth, on_labels = (self.overlaps[name][rows] for name in ("on_truth", "on_labels"))
        return Outcome(masks, assigned, ious, matrix, on_truth, on_labels)

    def count_far(self, threshold: float) -> int:
        """Return the number of counted predictions that are far from every label; a spatial prompt has none."""
        if self.is_spatial or not self.is_evaluable:
            return 0
        return sum(map(self._is_far, self.count(threshold).masks))

    def _is_far(self, prediction: Prediction) -> bool:
        """Return whether the mask is far from every labelled instance of its image."""
        labelled = [item.mask for item in self.image.instances if not item.is_ignored and item.mask.area]
        if not labelled or not prediction.mask.area:
            return bool(prediction.mask.area)
        union = np.any([mask.decode() for mask in labelled], axis=0)
        mask = prediction.mask.decode()
        if (mask & union).any():
            return False
        points = (np.argwhere(find_boundary(each)) for each in (mask, union))
        return bool(cdist(*points).min() > self.labelled_distance_px)

    def match_greedily(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return scores, best first, whether each mask matches at IoU 0.5, and whether it is excused."""
        scores = np.array([prediction.score for prediction in self.predictions])
        order = np.argsort(-scores, kind="stable")[:MAX_DETECTIONS]
        ious, free, is_match = self.overlaps["iou"], set(range(len(self.truth))), []
        for row in order:
            best = max(free, key=lambda number: (ious[row, number], number), default=None)
            is_match.append(best is not None and ious[row, best] >= MATCH)
            if is_match[-1]:
                free.remove(best)
        matched = np.array(is_match, bool)
        return scores[order], matched, self.overlaps["is_excusable"][order] & ~matched

    def list_click_ious(self) -> list[float] | None:
        """Return the IoU after each click; None if the predictions were not made click by click."""
        clicks = [prediction.clicks for prediction in self.predictions]
        if not clicks or not self.truth or any(number is None for number in clicks):
            return None
        return self.overlaps["iou"][np.argsort(clicks), 0].tolist()

    def merge(self, masks: Sequence[Prediction | Instance]) -> np.ndarray:
        """Return the union of some masks, bool (height, width)."""
        union = np.zeros(self.image.size, bool)
        for item in masks:
            union |= item.mask.decode()
        return union


def measure_box_iou(box: Sequence[float], other: Sequence[float]) -> float:
    """Return the IoU of two boxes."""
    low, high = np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])
    common = float(np.prod(np.maximum(high - low, 0)))
    areas = [float(np.prod(np.subtract(each[2:], each[:2]))) for each in (box, other)]
    return common / (sum(areas) - common) if common else 0.0
