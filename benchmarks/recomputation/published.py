"""The metrics of the paper's published code, and those of clicks."""

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.recomputation import measures
from benchmarks.recomputation.cases import Case
from benchmarks.recomputation.counting import Counts, average, compute_f1, compute_precision, compute_recall, divide
from benchmarks.recomputation.sample import Sample

MAX_CLICKS = 20

Value = Callable[[Sample], float]


MEASURES = {
    "iou": measures.measure_union_iou,
    "dice": measures.measure_dice,
    "boundary-f1": partial(measures.measure_boundary_f, tolerance=2),
}


def list_index_pairs(sample: Sample, name: str) -> list[float]:
    """Return a measure of the i-th prediction by score and the i-th instance."""
    return [
        MEASURES[name](prediction.mask.decode(), item.mask.decode())
        for case in sample.evaluable
        if case.truth
        for prediction, item in zip(case.count(sample.official).masks, case.truth, strict=False)
    ]


def measure_index_quality(sample: Sample) -> float:
    """Return the quality score of masks that are paired by their index."""
    weights = {"iou": 0.5, "boundary-f1": 0.3, "dice": 0.2}
    return sum(weight * average(list_index_pairs(sample, name)) for name, weight in weights.items())


def count_sizes(sample: Sample, is_pooled: bool) -> Counts:
    """Return "true positives" without an IoU threshold, predictions and instances, by prompt or of all."""
    sizes = [(len(case.count(sample.official).masks), len(case.truth)) for case in sample.evaluable]
    predicted, truth = (sum(column) for column in zip((0, 0), *sizes, strict=True))
    return Counts(min(predicted, truth) if is_pooled else sum(map(min, sizes)), predicted, truth)


def count_greedily(sample: Sample) -> Counts:
    """Return greedy matches at IoU 0.5, predictions and instances of phrases."""
    n_matches = n_predicted = 0
    for case in sample.phrases:
        scores, is_match, is_excused = case.match_greedily()
        is_counted = scores >= sample.official
        n_matches += int((is_match & is_counted).sum())
        n_predicted += int((~is_excused & is_counted).sum())
    return Counts(n_matches, n_predicted, sum(len(case.truth) for case in sample.phrases))


def count_covered(cases: list[Case], score: float) -> tuple[int, int]:
    """Return the instances with IoU 0.5 to any mask, and all instances."""
    covered = sum(int((case.count(score).matrix >= 0.5).any(axis=0).sum()) for case in cases)
    return covered, sum(len(case.truth) for case in cases)


def select_present(sample: Sample) -> list[Case]:
    """Return the evaluable phrases with an instance."""
    return [case for case in sample.phrases if case.truth]


def compute_open_vocabulary_f1(sample: Sample) -> float:
    """Return F1 of unseen phrases without false positives."""
    unseen = [case for case in sample.phrases if case.prompt.seen == False]  # noqa: E712
    covered, truth = count_covered(unseen, sample.official)
    return divide(2 * covered, covered + truth)


def list_click_series(sample: Sample) -> list[list[float]]:
    """Return the IoU after each click of every prompt of an instance; an empty list without a prediction."""
    return [
        case.list_click_ious() or []
        for case in sample.evaluable
        if case.truth and (case.prompt.kind == "clicks" or case.list_click_ious() is not None)
    ]


def get_iou_after(series: list[float], n_clicks: int) -> float:
    """Return the IoU after some clicks, or after the last one."""
    return series[min(n_clicks, len(series)) - 1] if series else 0.0


def count_clicks(series: list[float], target: float) -> float:
    """Return the first click that reaches the target; 20 if none does."""
    return float(next((number for number, iou in enumerate(series[:MAX_CLICKS], 1) if iou >= target), MAX_CLICKS))


def count_clicks_to_mean(sample: Sample, target: float) -> float:
    """Return the first click after which the mean IoU of all prompts reaches the target."""
    series = list_click_series(sample)
    if not series:
        return np.nan
    return count_clicks(
        [average([get_iou_after(each, n) for each in series]) for n in range(1, MAX_CLICKS + 1)], target
    )


TARGETS = (80, 85, 90)

PUBLISHED_VALUES: dict[str, Value] = {
    **{
        f"upstream-{name}": partial(lambda sample, name: average(list_index_pairs(sample, name)), name=name)
        for name in MEASURES
    },
    "upstream-quality": measure_index_quality,
    "upstream-precision": lambda sample: compute_precision(count_sizes(sample, is_pooled=False)),
    "upstream-recall": lambda sample: compute_recall(count_sizes(sample, is_pooled=False)),
    "upstream-f1": lambda sample: compute_f1(count_sizes(sample, is_pooled=False)),
    "upstream-pooled-precision": lambda sample: compute_precision(count_sizes(sample, is_pooled=True)),
    "upstream-pooled-recall": lambda sample: compute_recall(count_sizes(sample, is_pooled=True)),
    "upstream-pooled-f1": lambda sample: compute_f1(count_sizes(sample, is_pooled=True)),
    "upstream-greedy-precision": lambda sample: compute_precision(count_greedily(sample)),
    "upstream-greedy-recall": lambda sample: compute_recall(count_greedily(sample)),
    "upstream-greedy-f1": lambda sample: compute_f1(count_greedily(sample)),
    "upstream-concept-recall": lambda sample: divide(*count_covered(select_present(sample), sample.official)),
    "upstream-open-vocabulary-f1": compute_open_vocabulary_f1,
    "upstream-attribute-accuracy": lambda sample: 1.0 if sample.phrases else np.nan,
    "upstream-grounding-accuracy": lambda sample: 1.0 if sample.phrases else np.nan,
    **{f"upstream-clicks-{target}": partial(count_clicks_to_mean, target=target / 100) for target in TARGETS},
    **{
        f"iou-after-clicks-{n}": partial(
            lambda sample, n: average([get_iou_after(series, n) for series in list_click_series(sample)]), n=n
        )
        for n in (1, 2, 3, 5, 10, 20)
    },
    **{
        f"noc-{target}": partial(
            lambda sample, target: average([count_clicks(series, target) for series in list_click_series(sample)]),
            target=target / 100,
        )
        for target in TARGETS
    },
    **{
        f"noc-{target}-failures": partial(
            lambda sample, target: average(
                [float(not any(iou >= target for iou in series[:MAX_CLICKS])) for series in list_click_series(sample)]
            ),
            target=target / 100,
        )
        for target in TARGETS
    },
}
