"""The metrics of the paper's published repository as its code defines them, faults included. Not for conclusions.

Computed prompt by prompt; the repository pools all images in one list, which also mixes images.

- `upstream-pooled-precision`, `-pooled-recall`, `-pooled-f1`: its assignment without an IoU threshold, over that pooled
  list: TP = min(all predictions, all instances). The pooled `iou`, `dice`, `boundary-f1` and `quality` equal those
  below if each prompt has one prediction; otherwise they compare masks of different images, so there are no such ids.
- `-iou`, `-dice`, `-boundary-f1`, `-quality`: the i-th prediction by score against the i-th instance, mean over such
  pairs; the rest of the longer list does not count. Quality is 0.5 · IoU + 0.3 · boundary F + 0.2 · Dice.
- `-precision`, `-recall`, `-f1`: assigned without an IoU threshold, so that disjoint masks are correct: TP =
  min(predictions, instances).
- `-greedy-precision`, `-greedy-recall`, `-greedy-f1`: its other matching, greedy by score at IoU 0.5, of phrases.
- `-concept-recall`: an instance is recalled if any mask has IoU 0.5 with it, not one to one.
- `-open-vocabulary-f1`: without false positives: P = 1, R as in `-concept-recall`, on phrases tagged as unseen.
- `-attribute-accuracy`, `-grounding-accuracy`: "unknown" is compared with "unknown", and the prompted phrase with
  itself, so the value is always 1.
- `-clicks-80`, `-85`, `-90`: "prompt efficiency", the first click after which the mean IoU of the whole set reaches
  the target; 20 if there is none.
- `-temporal-consistency`: IoU of a prompt's masks with those of the previous frame, without flow, so that motion lowers
  it; 1 if both are empty; mean over steps. `warped-consistency` corrects this.

Undefined (NaN) if the denominator is 0.
"""

import functools
from typing import Literal

import numpy as np
import pandas as pd

from samgap.metrics import open_vocabulary_f1, quality
from samgap.metrics.base import Column, Reason, SufficientStatistics, SumMetric, divide, ratio
from samgap.metrics.clicks import MAX_CLICKS, iou_after, is_click_prompt, no_click_reason, reduce_click_ious
from samgap.metrics.columns import add, column, constant, double, float_column
from samgap.metrics.operating_point import MATCH_50, NO_MATCH, NOT_USED, OperatingPoint
from samgap.metrics.reasons import no_ground_truth_reason, no_instance_reason, no_phrase_reason, require_masks
from samgap.metrics.row_masks import is_evaluable, is_evaluable_phrase, is_positive
from samgap.metrics.sequences import NO_STEP, has_value, require_rows

VARIANTS = (
    "iou",
    "dice",
    "boundary-f1",
    "quality",
    "precision",
    "recall",
    "f1",
    "greedy-precision",
    "greedy-recall",
    "greedy-f1",
    "concept-recall",
    "open-vocabulary-f1",
    "attribute-accuracy",
    "grounding-accuracy",
    "clicks-80",
    "clicks-85",
    "clicks-90",
    "temporal-consistency",
    "pooled-precision",
    "pooled-recall",
    "pooled-f1",
)
SOURCE = "the paper's published repository"
ALWAYS_1 = "the value is 1 for any predictions"

Applicability = tuple[Column, Reason]
"""Row mask, and reason if not evaluable."""
_EVALUABLE: Applicability = is_evaluable, require_masks(no_ground_truth_reason)
_POSITIVE: Applicability = is_positive, require_masks(no_instance_reason)
_PHRASES: Applicability = is_evaluable_phrase, require_masks(no_phrase_reason)


def true_positives_without_threshold(pairs: pd.DataFrame) -> np.ndarray:
    """Return min(predictions, instances), float64 (N,)."""
    return np.minimum(float_column(pairs, "n_predicted"), float_column(pairs, "n_truth"))


def index_paired_quality(pairs: pd.DataFrame) -> np.ndarray:
    """Return the sum of the quality score over predictions and instances paired by index, float64 (N,)."""
    return quality.weighted_score(pairs, "upstream_")


def _paper_ratio(
    label: str,
    numerator: Column,
    denominator: Column,
    applicability: Applicability,
    by_phrase: bool = True,
    needs_exhaustive_labels: bool = False,
    operating_point: OperatingPoint = NO_MATCH,
    no_interval: str | None = None,
) -> SumMetric:
    row_mask, not_evaluable_reason = applicability
    return ratio(
        numerator,
        denominator,
        row_mask=row_mask,
        not_evaluable_reason=not_evaluable_reason,
        by_phrase=by_phrase,
        needs_exhaustive_labels=needs_exhaustive_labels,
        higher_is_better=True,
        operating_point=operating_point,
        no_interval=no_interval,
        label=f"{label} (paper code)",
        source=SOURCE,
    )


def _clicks_to_mean_iou(target: int) -> SumMetric:
    def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
        ious = [reduce_click_ious(iou_after(n_clicks))(pairs) for n_clicks in range(1, MAX_CLICKS + 1)]
        return {"ious": np.stack(ious, axis=1), "count": np.ones(len(pairs))}

    def compute(sums: SufficientStatistics) -> np.ndarray:
        means = divide(sums["ious"], sums["count"][:, None] + 0 * sums["ious"])
        reached = means >= target / 100
        clicks = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, float(MAX_CLICKS))
        return np.where(sums["count"] > 0, clicks, np.nan)

    return SumMetric(
        sufficient_statistics=sufficient_statistics,
        compute=compute,
        row_mask=is_click_prompt,
        not_evaluable_reason=no_click_reason,
        by_phrase=False,
        operating_point=OperatingPoint(f"{target / 100:.2f}", NOT_USED, NOT_USED),
        label=f"Clicks to mean IoU {target} (paper code)",
        source=SOURCE,
        unit="clicks",
        value_range=(1.0, float(MAX_CLICKS)),
        higher_is_better=False,
        decimals=0,
        has_steps=True,
    )


def _pooled_score(name: Literal["precision", "recall", "f1"], label: str) -> SumMetric:
    def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
        return {count: float_column(pairs, f"n_{count}") for count in ("predicted", "truth")}

    def compute(sums: SufficientStatistics) -> np.ndarray:
        n_correct = np.minimum(sums["predicted"], sums["truth"])
        if name == "f1":
            return divide(2 * n_correct, sums["predicted"] + sums["truth"])
        return divide(n_correct, sums["predicted" if name == "precision" else "truth"])

    return SumMetric(
        sufficient_statistics=sufficient_statistics,
        compute=compute,
        row_mask=is_evaluable,
        not_evaluable_reason=require_masks(no_instance_reason if name == "recall" else no_ground_truth_reason),
        needs_exhaustive_labels=True,
        higher_is_better=True,
        operating_point=NO_MATCH,
        label=f"{label} (paper code)",
        source=SOURCE,
    )


def _build_metrics() -> dict[str, SumMetric]:
    truth, predicted, covered, index_paired, greedy, greedy_predicted = (
        column(name) for name in ("n_truth", "n_predicted", "covered", "upstream_n", "greedy_tp", "greedy_predicted")
    )
    any_mask = true_positives_without_threshold
    unseen = open_vocabulary_f1.METRICS["unseen"]
    unseen_phrases: Applicability = unseen.row_mask, unseen.not_evaluable_reason
    steps: Applicability = has_value("step_iou"), require_rows(has_value("step_iou"), NO_STEP)
    # Each of these also depends on predictions without a match: a further one shifts the pairs by index, or is a match
    # where the IoU has no threshold.
    with_false_positives = functools.partial(_paper_ratio, needs_exhaustive_labels=True)
    at_50 = functools.partial(_paper_ratio, operating_point=MATCH_50)
    at_50_with_false_positives = functools.partial(at_50, needs_exhaustive_labels=True)
    return {
        "iou": with_false_positives("IoU", column("upstream_iou"), index_paired, _POSITIVE),
        "dice": with_false_positives("Dice", column("upstream_dice"), index_paired, _POSITIVE),
        "boundary-f1": with_false_positives(
            "Boundary F (2 px)", column("upstream_boundary_f_2px"), index_paired, _POSITIVE
        ),
        "quality": with_false_positives("Quality score", index_paired_quality, index_paired, _POSITIVE),
        "precision": with_false_positives("Precision", any_mask, predicted, _EVALUABLE),
        "recall": with_false_positives("Recall", any_mask, truth, _POSITIVE),
        "f1": with_false_positives("F1", double(any_mask), add(predicted, truth), _EVALUABLE),
        "greedy-precision": at_50_with_false_positives("Precision@50, greedy", greedy, greedy_predicted, _PHRASES),
        "greedy-recall": at_50("Recall@50, greedy", greedy, truth, _PHRASES),
        "greedy-f1": at_50_with_false_positives(
            "F1@50, greedy", double(greedy), add(greedy_predicted, truth), _PHRASES
        ),
        "concept-recall": at_50("Concept recall@50", covered, truth, _PHRASES),
        "open-vocabulary-f1": at_50(
            "Open-vocabulary F1", double(covered), add(covered, truth), unseen_phrases, by_phrase=False
        ),
        "attribute-accuracy": _paper_ratio("Attribute accuracy", constant, constant, _PHRASES, no_interval=ALWAYS_1),
        "grounding-accuracy": _paper_ratio("Grounding accuracy", constant, constant, _PHRASES, no_interval=ALWAYS_1),
        "clicks-80": _clicks_to_mean_iou(80),
        "clicks-85": _clicks_to_mean_iou(85),
        "clicks-90": _clicks_to_mean_iou(90),
        "temporal-consistency": _paper_ratio("Temporal consistency", column("step_iou"), constant, steps),
        "pooled-precision": _pooled_score("precision", "Precision, pooled"),
        "pooled-recall": _pooled_score("recall", "Recall, pooled"),
        "pooled-f1": _pooled_score("f1", "F1, pooled"),
    }


METRICS = _build_metrics()
