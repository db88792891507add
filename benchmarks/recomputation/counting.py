"""Metrics of counts: matches, predictions and instances, at any score and IoU, and the presence of phrases."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmarks.recomputation.cases import Case
from benchmarks.recomputation.sample import Sample

IOUS = np.arange(10, 20) / 20
SCORES = np.arange(1, 20) / 20
EPSILON = 1e-4
MCC_EPSILON = 1e-6

Value = Callable[[Sample], float]


class Counts(NamedTuple):
    """Numbers of matches, predictions and instances."""

    matches: int
    predicted: int
    truth: int


def divide(numerator: float, denominator: float) -> float:
    """Return a ratio; NaN where the denominator is 0."""
    return numerator / denominator if denominator else np.nan


def count_cases(cases: list[Case], score: float, iou: float = 0.5) -> Counts:
    """Count matches, predictions and instances at a score and an IoU threshold."""
    outcomes = [(case, case.count(score)) for case in cases]
    return Counts(
        sum(outcome.ious[number] >= iou for case, outcome in outcomes for number in case.numbers),
        sum(len(outcome.masks) for _, outcome in outcomes),
        sum(len(case.numbers) for case in cases),
    )


def count_matches(sample: Sample, score: float, iou: float = 0.5) -> Counts:
    """Count over the evaluable prompts of a sample."""
    return count_cases(sample.evaluable, score, iou)


def compute_precision(counts: Counts) -> float:
    """Return matches / predictions."""
    return divide(counts.matches, counts.predicted)


def compute_recall(counts: Counts) -> float:
    """Return matches / instances."""
    return divide(counts.matches, counts.truth)


def compute_f1(counts: Counts) -> float:
    """Return 2 · matches / (predictions + instances)."""
    return divide(2 * counts.matches, counts.predicted + counts.truth)


RATIOS = {"precision": compute_precision, "recall": compute_recall, "f1": compute_f1}


def compute_pmf1(cases: list[Case], score: float) -> float:
    """Return the mean of F1 over IoU thresholds, of phrases or prompts with an instance."""
    cases, values = [case for case in cases if case.is_evaluable and case.truth], []
    for iou in IOUS:
        counts = count_cases(cases, score, iou)
        precision, recall = counts.matches / (counts.predicted + EPSILON), counts.matches / (counts.truth + EPSILON)
        values.append(2 * precision * recall / (precision + recall + EPSILON))
    return float(np.mean(values)) if cases else np.nan


def count_presence(sample: Sample, score: float) -> list[int]:
    """Return TP, FP, TN and FN of the presence of phrases."""
    known = [(bool(case.truth), bool(case.count(score).masks)) for case in sample.known]
    return [known.count(pair) for pair in ((True, True), (False, True), (False, False), (True, False))]


def compute_il_mcc(sample: Sample, score: float) -> float:
    """Return Matthews' correlation of the presence of phrases and of masks."""
    tp, fp, tn, fn = count_presence(sample, score)
    root = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return float((tp * tn - fp * fn) / (root + MCC_EPSILON))


def compute_presence_accuracy(sample: Sample) -> float:
    """Return the share of right presences."""
    tp, fp, tn, fn = count_presence(sample, sample.official)
    return divide(tp + tn, tp + fp + tn + fn)


def list_absent(sample: Sample) -> list[int]:
    """Return the number of masks of each absent phrase."""
    return [len(case.count(sample.official).masks) for case in sample.known if not case.truth]


def list_count_errors(sample: Sample) -> list[int]:
    """Return predictions minus instances of each phrase."""
    return [len(case.count(sample.official).masks) - len(case.truth) for case in sample.known]


def count_prompts(sample: Sample) -> float:
    """Return prompts per image; each click is one."""
    counts = [len(case.list_click_ious() or [0]) for case in sample.cases]
    return divide(sum(counts), len({case.image.id for case in sample.cases}))


def sweep_f1(sample: Sample) -> list[float]:
    """Return F1 at each score threshold; NaN without instances."""
    counts = [count_cases(sample.phrases, score) for score in SCORES]
    return [compute_f1(each) if each.truth else np.nan for each in counts]


def compute_near_labels(sample: Sample, score: float, name: str) -> float:
    """Return precision or F1 without the predictions that are far from every label; at the chosen score of phrases."""
    cases = sample.phrases if score == sample.chosen else sample.evaluable
    counts = count_cases(cases, score)
    n_far = sum(case.count_far(score) for case in cases)
    return RATIOS[name](counts._replace(predicted=counts.predicted - n_far))


def compute_at_score(sample: Sample, name: str, score: float) -> float:
    """Return precision, recall or F1 of phrases at a score."""
    return RATIOS[name](count_cases(sample.phrases, score))


def compute_at_iou(sample: Sample, name: str, iou: float) -> float:
    """Return precision, recall or F1 at an IoU threshold."""
    return RATIOS[name](count_matches(sample, sample.official, iou))


def compute_f1_of_seen(sample: Sample, seen: bool) -> float:
    """Return F1 of the phrases with one value of the tag `seen`."""
    cases = [case for case in sample.phrases if case.prompt.seen is seen or case.prompt.seen == seen]
    return compute_f1(count_cases(cases, sample.official))


def average(values: list[float] | list[int]) -> float:
    """Return the mean; NaN of no value."""
    return float(np.mean(values)) if values else np.nan


COUNT_VALUES: dict[str, Value] = {
    "precision": lambda sample: compute_precision(count_matches(sample, sample.official)),
    "recall": lambda sample: compute_recall(count_matches(sample, sample.official)),
    "f1-50": lambda sample: compute_f1(count_matches(sample, sample.official)),
    "concept-recall": lambda sample: compute_recall(count_cases(sample.phrases, sample.official)),
    "pmf1": lambda sample: compute_pmf1(sample.phrases, sample.official),
    "il-mcc": lambda sample: compute_il_mcc(sample, sample.official),
    "cgf1": lambda sample: (
        100 * compute_pmf1(sample.phrases, sample.official) * compute_il_mcc(sample, sample.official)
    ),
    "precision-chosen": lambda sample: compute_precision(count_cases(sample.phrases, sample.chosen)),
    "recall-chosen": lambda sample: compute_recall(count_cases(sample.phrases, sample.chosen)),
    "f1-50-chosen": lambda sample: compute_f1(count_cases(sample.phrases, sample.chosen)),
    "pmf1-chosen": lambda sample: compute_pmf1(sample.phrases, sample.chosen),
    "il-mcc-chosen": lambda sample: compute_il_mcc(sample, sample.chosen),
    "cgf1-chosen": lambda sample: (
        100 * compute_pmf1(sample.phrases, sample.chosen) * compute_il_mcc(sample, sample.chosen)
    ),
    "precision-near-labels": lambda sample: compute_near_labels(sample, sample.official, "precision"),
    "precision-near-labels-chosen": lambda sample: compute_near_labels(sample, sample.chosen, "precision"),
    "f1-50-near-labels": lambda sample: compute_near_labels(sample, sample.official, "f1"),
    "f1-50-near-labels-chosen": lambda sample: compute_near_labels(sample, sample.chosen, "f1"),
    "presence-accuracy": compute_presence_accuracy,
    "false-alarms": lambda sample: average([bool(number) for number in list_absent(sample)]),
    "false-alarms-masks": lambda sample: average(list_absent(sample)),
    "count-error": lambda sample: average([abs(error) for error in list_count_errors(sample)]),
    "count-error-bias": lambda sample: average(list_count_errors(sample)),
    "count-error-relative": lambda sample: divide(
        sum(map(abs, list_count_errors(sample))), sum(len(case.truth) for case in sample.known)
    ),
    "prompts-per-image": count_prompts,
    "f1-sweep-best": lambda sample: max(sweep_f1(sample)),
    "f1-sweep-mean": lambda sample: average(sweep_f1(sample)),
    "open-vocabulary-f1-seen": partial(compute_f1_of_seen, seen=True),
    "open-vocabulary-f1-unseen": partial(compute_f1_of_seen, seen=False),
    "open-vocabulary-f1-gap": lambda sample: compute_f1_of_seen(sample, True) - compute_f1_of_seen(sample, False),
    **{
        f"{name}-score-{100 * score:02.0f}": partial(compute_at_score, name=name, score=score)
        for name in RATIOS
        for score in SCORES
    },
    **{
        f"{name}-iou-{100 * iou:.0f}": partial(compute_at_iou, name=name, iou=iou)
        for name in RATIOS
        for iou in IOUS[1:]
    },
}
