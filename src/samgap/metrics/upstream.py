"""What the paper's published repository would have said: its own definitions, faults included, never for a conclusion.

Computed prompt by prompt; the repository pools all images in one list, which mixes up images too.
- `pooled-precision`, `pooled-recall`, `pooled-f1`: its assignment without a threshold, over that one list: TP = min(all
  predicted, all truth). The pooled `iou`, `dice`, `boundary-f1` and `quality` are those above where each prompt has one
  answer; where not, they compare masks of different images, which no sufficient statistic holds: there is no such id.
- `iou`, `dice`, `boundary-f1`, `quality`: the i-th prediction (best score first) against the i-th instance, mean over
  such pairs; instances and predictions beyond the shorter list do not count. Quality is 0.5 · IoU + 0.3 · boundary F
  + 0.2 · Dice.
- `precision`, `recall`, `f1`: assigned without an IoU threshold, so that disjoint masks are right: TP =
  min(predicted, truth).
- `greedy-precision`, `greedy-recall`, `greedy-f1`: greedily by score at IoU 0.5, its other matching, of phrases.
- `concept-recall`: an instance is found where any mask has IoU 0.5 with it, not one to one.
- `open-vocabulary-f1`: as if there were no false positive: P = 1, R as `concept-recall`, on phrases tagged as unseen.
- `attribute-accuracy`, `grounding-accuracy`: "unknown" = "unknown", and the phrase asked = the phrase asked: 1 by
  construction.
- `clicks-80`, `-85`, `-90`: "prompt efficiency", the first click after which the mean IoU of the whole set is at the
  target; 20 where none is.
- `temporal-consistency`: IoU of a prompt's masks with those of the frame before as they stand, so that motion is
  instability; none and none is 1; mean over steps. `warped-consistency` is the corrected one.
Source: the paper's published repository, as read. Range 0 to 1, clicks 1 to 20. Undefined (NaN) where the denominator
is 0.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from samgap.metrics import Metric, SufficientStatistics, _clicks, _pairs, _ratio, _steps, open_vocabulary_f1, quality
from samgap.metrics._ratio import Ratio, add, column, double
from samgap.tables.matching import IOU_THRESHOLDS

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


def true_positives_without_threshold(pairs: pd.DataFrame) -> np.ndarray:
    return np.minimum(_pairs.float_column(pairs, "n_predicted"), _pairs.float_column(pairs, "n_truth"))


def greedy_true_positives(pairs: pd.DataFrame) -> np.ndarray:
    """Hits among the predictions that count: the best by score, those in what is to be ignored left out."""
    found = []
    for hits, kept in zip(pairs["hits_mask_all"], pairs["n_predicted"], strict=True):
        bits = np.asarray(hits, np.int64)
        found.append((bits[bits >> len(IOU_THRESHOLDS) & 1 == 0][:kept] & 1).sum())
    return np.array(found, np.float64)


def index_paired_quality(pairs: pd.DataFrame) -> np.ndarray:
    return quality.weighted_score(pairs, "upstream_")


def variant(name: str) -> Metric:
    truth, predicted = column("n_truth"), column("n_predicted")
    answer = _pairs.is_evaluable, _pairs.require_masks(_pairs.no_ground_truth_reason)
    some = _pairs.is_positive, _pairs.require_masks(_pairs.no_instance_reason)
    phrases = _pairs.is_evaluable_phrase, _pairs.require_masks(_pairs.no_phrase_reason)
    if name.startswith("clicks"):
        return ClicksToMeanIoU(int(name[-2:]) / 100)
    if name.startswith("pooled"):
        return PooledScore(name.removeprefix("pooled-"))
    unseen = open_vocabulary_f1.variant("unseen")
    return {
        "iou": Ratio(column("upstream_iou"), column("upstream_n"), *some),
        "dice": Ratio(column("upstream_dice"), column("upstream_n"), *some),
        "boundary-f1": Ratio(column("upstream_boundary_f_2px"), column("upstream_n"), *some),
        "quality": Ratio(index_paired_quality, column("upstream_n"), *some),
        "precision": Ratio(true_positives_without_threshold, predicted, *answer),
        "recall": Ratio(true_positives_without_threshold, truth, *some),
        "f1": Ratio(double(true_positives_without_threshold), add(predicted, truth), *answer),
        "greedy-precision": Ratio(greedy_true_positives, predicted, *phrases),
        "greedy-recall": Ratio(greedy_true_positives, truth, *phrases),
        "greedy-f1": Ratio(double(greedy_true_positives), add(predicted, truth), *phrases),
        "concept-recall": Ratio(column("covered"), truth, *phrases),
        "open-vocabulary-f1": Ratio(
            double(column("covered")),
            add(column("covered"), truth),
            unseen.row_mask,
            unseen.not_evaluable_reason,
            BY_PHRASE=False,
        ),
        "attribute-accuracy": Ratio(_ratio.constant, _ratio.constant, *phrases),
        "grounding-accuracy": Ratio(_ratio.constant, _ratio.constant, *phrases),
        "temporal-consistency": Ratio(
            column("step_iou"),
            _ratio.constant,
            _steps.has_value("step_iou"),
            _steps.require_rows(_steps.has_value("step_iou"), _steps.NO_STEP),
        ),
    }[name]


@dataclass(frozen=True)
class ClicksToMeanIoU:
    target_iou: float
    UNIT: str = "clicks"
    RANGE: tuple[float, float] = (1.0, float(_clicks.MAX_CLICKS))
    BY_PHRASE: bool = False
    BY_INSTANCE: bool = False

    def row_mask(self, pairs: pd.DataFrame) -> np.ndarray:
        return _clicks.is_click_prompt(pairs)

    def not_evaluable_reason(self, pairs: pd.DataFrame) -> str | None:
        return _clicks.not_evaluable_reason(pairs)

    def sufficient_statistics(self, pairs: pd.DataFrame) -> SufficientStatistics:
        ious = [
            _clicks.reduce_click_ious(_clicks.iou_after(number))(pairs) for number in range(1, _clicks.MAX_CLICKS + 1)
        ]
        return {"ious": np.stack(ious, axis=1), "count": np.ones(len(pairs))}

    def compute(self, sums: SufficientStatistics) -> np.ndarray:
        means = _pairs.ratio(sums["ious"], sums["count"][:, None] + 0 * sums["ious"])
        reached = means >= self.target_iou
        found = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, float(_clicks.MAX_CLICKS))
        return np.where(sums["count"] > 0, found, np.nan)


@dataclass(frozen=True)
class PooledScore:
    statistic: str
    UNIT: str = "fraction"
    RANGE: tuple[float, float] = (0.0, 1.0)
    BY_PHRASE: bool = True
    BY_INSTANCE: bool = False

    def row_mask(self, pairs: pd.DataFrame) -> np.ndarray:
        return _pairs.is_evaluable(pairs)

    def not_evaluable_reason(self, pairs: pd.DataFrame) -> str | None:
        reason = _pairs.no_instance_reason if self.statistic == "recall" else _pairs.no_ground_truth_reason
        return _pairs.require_masks(reason)(pairs)

    def sufficient_statistics(self, pairs: pd.DataFrame) -> SufficientStatistics:
        return {name: _pairs.float_column(pairs, f"n_{name}") for name in ("predicted", "truth")}

    def compute(self, sums: SufficientStatistics) -> np.ndarray:
        right = np.minimum(sums["predicted"], sums["truth"])
        if self.statistic == "f1":
            return _pairs.ratio(2 * right, sums["predicted"] + sums["truth"])
        return _pairs.ratio(right, sums["predicted" if self.statistic == "precision" else "truth"])
