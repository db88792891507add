"""Every metric that has a second path: a function of the cases of a cell or stratum, by the id of the metric."""

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.recomputation import measures
from benchmarks.recomputation.agreement import AGREEMENT_VALUES
from benchmarks.recomputation.cases import measure_box_iou
from benchmarks.recomputation.counting import (
    COUNT_VALUES,
    Counts,
    compute_f1,
    compute_precision,
    compute_recall,
    count_matches,
    divide,
)
from benchmarks.recomputation.published import PUBLISHED_VALUES
from benchmarks.recomputation.raw import Instance, Prediction
from benchmarks.recomputation.sample import Sample
from benchmarks.recomputation.tracks import TRACK_VALUES

Value = Callable[[Sample], float]
Measure = Callable[[np.ndarray, np.ndarray], float]

ERRORS: dict[str, Measure] = {
    "area-error": measures.measure_area_error,
    "hausdorff-95": measures.measure_hausdorff_95,
}
"""Measures that an instance without a prediction does not have."""
QUALITIES: dict[str, Measure] = {
    "dice": measures.measure_dice,
    "boundary-f-relative": measures.measure_relative_boundary_f,
    "boundary-f-davis": measures.measure_davis_f,
    "boundary-iou": measures.measure_boundary_iou,
    "boundary-iou-2px": partial(measures.measure_boundary_iou, width=2),
    **{f"boundary-f-{px}px": partial(measures.measure_boundary_f, tolerance=px) for px in (1, 2, 3, 5)},
}
"""Measures of which an instance without a prediction has 0."""
MEASURES = {**QUALITIES, **ERRORS}
NOT_RECOMPUTED = {
    "warped-consistency": "its oracle is a test on drawn discs that move by a known flow",
    "contour-instability": "its oracle is a test on shapes whose contours have a known cost",
}
"""Metrics without a second path, with the reason."""


def list_measures(sample: Sample, name: str) -> list[float | None]:
    """Return a measure of each instance and its prediction; None for an instance without one."""
    values = []
    for case in sample.evaluable:
        outcome = case.count(sample.official)
        for number in case.numbers:
            assigned = outcome.assigned[number]
            # The strata of a cell share the cases.
            key = name, number, None if assigned is None else assigned.id
            if key not in case.measured:
                case.measured[key] = None if assigned is None else measure_pair(name, assigned, case.truth[number])
            values.append(case.measured[key])
    return values


def measure_pair(name: str, prediction: Prediction, instance: Instance) -> float:
    """Return a measure of a prediction and an instance."""
    return MEASURES[name](prediction.mask.decode(), instance.mask.decode())


def list_ious(sample: Sample) -> list[float | None]:
    """Return the IoU of each instance and its prediction; None for an instance without one."""
    outcomes = [(case, case.count(sample.official)) for case in sample.evaluable]
    return [
        None if outcome.assigned[number] is None else outcome.ious[number]
        for case, outcome in outcomes
        for number in case.numbers
    ]


def average(values: list[float | None]) -> float:
    """Return the mean; an instance without a prediction counts 0."""
    return float(np.mean([value or 0.0 for value in values])) if values else np.nan


def average_answered(values: list[float | None]) -> float:
    """Return the mean over the instances with a prediction."""
    return average([value for value in values if value is not None])


def measure_quality(sample: Sample) -> float:
    """Return the weighted sum of IoU, boundary F at 2 px and Dice."""
    return 0.5 * average(list_ious(sample)) + sum(
        weight * average(list_measures(sample, name)) for name, weight in (("boundary-f-2px", 0.3), ("dice", 0.2))
    )


def measure_box_error(sample: Sample) -> float:
    """Return the mean distance of the four edges of the boxes, relative to the image."""
    errors: list[float | None] = []
    for case in sample.phrases:
        outcome, (height, width) = case.count(sample.official), case.image.size
        for number in case.numbers:
            assigned = outcome.assigned[number]
            if assigned is not None:
                edges = np.abs(np.subtract(assigned.box, case.truth[number].box))
                errors.append(float((edges / [width, height, width, height]).sum()))
    return average_answered(errors)


def measure_ap(sample: Sample, iou_type: str, thresholds: slice, area: int, detections: int) -> float:
    """Return the mean of pycocotools' precisions."""
    if not sample.phrases:
        return np.nan
    precisions = sample.evaluate_coco(iou_type)[thresholds, :, :, area, detections]
    return float(precisions[precisions > -1].mean()) if (precisions > -1).any() else np.nan


def make_ap_values(prefix: str, iou_type: str) -> dict[str, Value]:
    """Return COCO's variants of average precision."""
    whole = slice(None)
    variants = {"": (whole, 0, 1), "-coco": (whole, 0, 0)}
    variants |= {"-50": (slice(0, 1), 0, 1), "-75": (slice(5, 6), 0, 1)}
    variants |= {f"-{name}": (whole, area, 1) for area, name in enumerate(("small", "medium", "large"), 1)}
    return {
        f"{prefix}{name}": partial(measure_ap, iou_type=iou_type, thresholds=part, area=area, detections=detections)
        for name, (part, area, detections) in variants.items()
    }


def measure_calibration(sample: Sample) -> float:
    """Return the expected calibration error over ten bins of scores."""
    parts = [case.match_greedily() for case in sample.phrases]
    if not parts:
        return np.nan
    scores, is_match, is_excused = (np.concatenate(part) for part in zip(*parts, strict=True))
    scores, is_match = scores[~is_excused.astype(bool)], is_match[~is_excused.astype(bool)]
    bins = np.minimum((10 * scores).astype(int), 9)
    gaps = [abs(is_match[bins == number].sum() - scores[bins == number].sum()) for number in range(10)]
    return divide(float(sum(gaps)), len(scores))


def select_choices(sample: Sample) -> Sample:
    """Return the prompts of one instance of which the model chooses a mask at once."""
    cases = [case for case in sample.cases if case.is_spatial and case.prompt.kind not in ("clicks", "track")]
    return Sample(cases, sample.official, sample.chosen, sample.whole, sample.shared)


def measure_best_iou(sample: Sample) -> float:
    """Return the mean of the highest IoU of an instance with any mask of its prompt."""
    ious = [(case.overlaps["iou"], number) for case in sample.evaluable for number in case.numbers]
    return average([float(matrix[:, number].max(initial=0.0)) for matrix, number in ious])


def list_box_ious(sample: Sample) -> list[float | None]:
    """Return the IoU of the boxes of each instance and its prediction."""
    outcomes = [(case, case.count(sample.official)) for case in sample.evaluable]
    return [
        None
        if (assigned := outcome.assigned[number]) is None
        else measure_box_iou(assigned.box, case.truth[number].box)
        for case, outcome in outcomes
        for number in case.numbers
    ]


def count_boxes(sample: Sample) -> Counts:
    """Count the matches of boxes at IoU 0.5, predictions and instances."""
    outcomes = [(case, case.count_boxes(sample.official)) for case in sample.evaluable]
    return Counts(
        sum(outcome.ious[number] >= 0.5 for case, outcome in outcomes for number in case.numbers),
        sum(len(outcome.masks) for _, outcome in outcomes),
        sum(len(case.numbers) for case, _ in outcomes),
    )


def measure_success(sample: Sample, threshold: float) -> float:
    """Return the share of the instances whose mask reaches an IoU."""
    counts = count_matches(sample, sample.official, threshold)
    return divide(counts.matches, counts.truth)


VALUES: dict[str, Value] = {
    "iou": lambda sample: average(list_ious(sample)),
    "answered-iou": lambda sample: average_answered(list_ious(sample)),
    "quality": measure_quality,
    "area-error": lambda sample: average_answered(list_measures(sample, "area-error")),
    "hausdorff-95": lambda sample: average_answered(list_measures(sample, "hausdorff-95")),
    "grounding-error-box": measure_box_error,
    "calibration": measure_calibration,
    "oracle-iou": lambda sample: measure_best_iou(select_choices(sample)),
    "oracle-iou-gap": lambda sample: (
        measure_best_iou(select_choices(sample)) - average(list_ious(select_choices(sample)))
    ),
    "box-iou": lambda sample: average(list_box_ious(sample)),
    "box-precision": lambda sample: compute_precision(count_boxes(sample)),
    "box-recall": lambda sample: compute_recall(count_boxes(sample)),
    "box-f1-50": lambda sample: compute_f1(count_boxes(sample)),
    **{name: partial(lambda sample, name: average(list_measures(sample, name)), name=name) for name in QUALITIES},
    **{
        f"answered-{name}": partial(lambda sample, name: average_answered(list_measures(sample, name)), name=name)
        for name in QUALITIES
        if name != "boundary-iou-2px"
    },
    **{f"success-{percent}": partial(measure_success, threshold=percent / 100) for percent in (50, 75, 90, 95)},
    **make_ap_values("map", "segm"),
    **make_ap_values("box-map", "bbox"),
    **COUNT_VALUES,
    **AGREEMENT_VALUES,
    **PUBLISHED_VALUES,
    **TRACK_VALUES,
}
