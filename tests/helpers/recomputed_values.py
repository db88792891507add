"""The metrics of results that were matched again, by metric id."""

import numpy as np

from tests.helpers.recomputed import IOUS, boundary_f, dice


def divide(numerator, denominator):
    return numerator / denominator if denominator else np.nan


def count(results, threshold=0.5):
    """Return matches, predictions and instances."""
    matches = sum(value >= threshold for result in results for value, _ in result.pairs)
    return matches, sum(len(result.masks) for result in results), sum(len(result.truth) for result in results)


def mean_over_instances(measure):
    """Return the mean over all instances; one without a prediction counts 0."""

    def compute(results):
        values = [
            0.0 if mask is None else measure(mask, item["mask"])
            for result in results
            for item, (_, mask) in zip(result.truth, result.pairs, strict=True)
        ]
        return np.mean(values) if values else np.nan

    return compute


def mean_iou(results):
    values = [value for result in results for value, _ in result.pairs]
    return np.mean(values) if values else np.nan


def quality(results):
    parts = (0.5, mean_iou), (0.3, VALUES["boundary-f-2px"]), (0.2, VALUES["dice"])
    return sum(weight * compute(results) for weight, compute in parts)


def area_error(results):
    errors = [
        abs(mask.sum() - item["mask"].sum()) / item["mask"].sum()
        for result in results
        for item, (_, mask) in zip(result.truth, result.pairs, strict=True)
        if mask is not None
    ]
    return np.mean(errors) if errors else np.nan


def pmf1(results):
    results, scores = [result for result in results if result.truth], []
    for threshold in IOUS:
        matches, predicted, truth = count(results, threshold)
        precision, recall = matches / (predicted + 1e-4), matches / (truth + 1e-4)
        scores.append(2 * precision * recall / (precision + recall + 1e-4))
    return np.mean(scores) if results else np.nan


def presence(results):
    """Return TP, FP, TN and FN of the presence of phrases."""
    known = [(bool(result.truth), bool(result.masks)) for result in results if result.is_presence_known]
    return [known.count(pair) for pair in ((True, True), (False, True), (False, False), (True, False))]


def il_mcc(results):
    tp, fp, tn, fn = presence(results)
    return (tp * tn - fp * fn) / (np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) + 1e-6)


def presence_accuracy(results):
    tp, _, tn, _ = presence(results)
    return divide(tp + tn, sum(presence(results)))


def count_errors(results):
    return [abs(len(result.masks) - len(result.truth)) for result in results if result.is_presence_known]


def prompts_per_image(results):
    """Return the number of prompts per image, where every prompt is evaluable."""
    return divide(len(results), len({result.prompt.image_id for result in results}))


def calibration(results):
    scores = np.concatenate([result.all_scores for result in results])
    is_correct = np.concatenate([result.is_correct for result in results])
    bins = np.minimum((10 * scores).astype(int), 9)
    gaps = [abs(is_correct[bins == number].sum() - scores[bins == number].sum()) for number in range(10)]
    return divide(sum(gaps), len(scores))


def upstream_f1(results):
    sizes = [(len(result.masks), len(result.truth)) for result in results]
    return divide(2 * sum(map(min, sizes)), sum(map(sum, sizes)))


def pooled_f1(results):
    _, predicted, truth = count(results)
    return divide(2 * min(predicted, truth), predicted + truth)


VALUES = {
    "iou": mean_iou,
    "dice": mean_over_instances(dice),
    "boundary-f-2px": mean_over_instances(boundary_f),
    "quality": quality,
    "area-error": area_error,
    "success-75": lambda results: divide(count(results, 0.75)[0], count(results)[2]),
    "recall": lambda results: divide(count(results)[0], count(results)[2]),
    "precision": lambda results: divide(count(results)[0], count(results)[1]),
    "f1-50": lambda results: divide(2 * count(results)[0], sum(count(results)[1:])),
    "pmf1": pmf1,
    "il-mcc": il_mcc,
    "cgf1": lambda results: 100 * pmf1(results) * il_mcc(results),
    "presence-accuracy": presence_accuracy,
    "count-error": lambda results: np.mean(count_errors(results)),
    "count-error-relative": lambda results: divide(sum(count_errors(results)), count(results)[2]),
    "prompts-per-image": prompts_per_image,
    "calibration": calibration,
    "upstream-f1": upstream_f1,
    "upstream-pooled-f1": pooled_f1,
}
"""Functions of the results of a cell or stratum."""
