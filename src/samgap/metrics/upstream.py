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

from samgap.metrics import Metric, Terms, _clicks, _pairs, _ratio, _steps, open_vocabulary_f1, quality
from samgap.metrics._ratio import Ratio, both, of, twice
from samgap.tables import TAUS

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


def paired(pairs: pd.DataFrame) -> np.ndarray:
    return np.minimum(_pairs.column(pairs, "n_predicted"), _pairs.column(pairs, "n_truth"))


def greedy(pairs: pd.DataFrame) -> np.ndarray:
    """Hits among the predictions that count: the best by score, those in what is to be ignored left out."""
    found = []
    for hits, kept in zip(pairs["hits_mask_all"], pairs["n_predicted"], strict=True):
        bits = np.asarray(hits, np.int64)
        found.append((bits[bits >> len(TAUS) & 1 == 0][:kept] & 1).sum())
    return np.array(found, np.float64)


def by_place(pairs: pd.DataFrame) -> np.ndarray:
    return quality.total(pairs, "upstream_")


def variant(name: str) -> Metric:
    truth, predicted = of("n_truth"), of("n_predicted")
    answer = _pairs.evaluable, _pairs.masked(_pairs.without_answer)
    some = _pairs.positive, _pairs.masked(_pairs.without_truth)
    phrases = _pairs.phrases, _pairs.masked(_pairs.without_concept)
    if name.startswith("clicks"):
        return Clicks(int(name[-2:]) / 100)
    if name.startswith("pooled"):
        return Pooled(name.removeprefix("pooled-"))
    unseen = open_vocabulary_f1.variant("unseen")
    return {
        "iou": Ratio(of("upstream_iou"), of("upstream_n"), *some),
        "dice": Ratio(of("upstream_dice"), of("upstream_n"), *some),
        "boundary-f1": Ratio(of("upstream_boundary_f_2px"), of("upstream_n"), *some),
        "quality": Ratio(by_place, of("upstream_n"), *some),
        "precision": Ratio(paired, predicted, *answer),
        "recall": Ratio(paired, truth, *some),
        "f1": Ratio(twice(paired), both(predicted, truth), *answer),
        "greedy-precision": Ratio(greedy, predicted, *phrases),
        "greedy-recall": Ratio(greedy, truth, *phrases),
        "greedy-f1": Ratio(twice(greedy), both(predicted, truth), *phrases),
        "concept-recall": Ratio(of("covered"), truth, *phrases),
        "open-vocabulary-f1": Ratio(
            twice(of("covered")), both(of("covered"), truth), unseen.rests_on, unseen.applies, BY_PHRASE=False
        ),
        "attribute-accuracy": Ratio(_ratio.one, _ratio.one, *phrases),
        "grounding-accuracy": Ratio(_ratio.one, _ratio.one, *phrases),
        "temporal-consistency": Ratio(
            of("step_iou"), _ratio.one, _steps.known("step_iou"), _steps.some(_steps.known("step_iou"), _steps.NO_STEP)
        ),
    }[name]


@dataclass(frozen=True)
class Clicks:
    target: float
    UNIT: str = "clicks"
    RANGE: tuple[float, float] = (1.0, float(_clicks.LIMIT))
    BY_PHRASE: bool = False
    BY_INSTANCE: bool = False

    def rests_on(self, pairs: pd.DataFrame) -> np.ndarray:
        return _clicks.asked(pairs)

    def applies(self, pairs: pd.DataFrame) -> str | None:
        return _clicks.applies(pairs)

    def terms(self, pairs: pd.DataFrame) -> Terms:
        ious = [_clicks.each(_clicks.after(number))(pairs) for number in range(1, _clicks.LIMIT + 1)]
        return {"ious": np.stack(ious, axis=1), "count": np.ones(len(pairs))}

    def value(self, sums: Terms) -> np.ndarray:
        means = _pairs.ratio(sums["ious"], sums["count"][:, None] + 0 * sums["ious"])
        reached = means >= self.target
        found = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, float(_clicks.LIMIT))
        return np.where(sums["count"] > 0, found, np.nan)


@dataclass(frozen=True)
class Pooled:
    of: str
    UNIT: str = "fraction"
    RANGE: tuple[float, float] = (0.0, 1.0)
    BY_PHRASE: bool = True
    BY_INSTANCE: bool = False

    def rests_on(self, pairs: pd.DataFrame) -> np.ndarray:
        return _pairs.evaluable(pairs)

    def applies(self, pairs: pd.DataFrame) -> str | None:
        reason = _pairs.without_truth if self.of == "recall" else _pairs.without_answer
        return _pairs.masked(reason)(pairs)

    def terms(self, pairs: pd.DataFrame) -> Terms:
        return {name: _pairs.column(pairs, f"n_{name}") for name in ("predicted", "truth")}

    def value(self, sums: Terms) -> np.ndarray:
        right = np.minimum(sums["predicted"], sums["truth"])
        if self.of == "f1":
            return _pairs.ratio(2 * right, sums["predicted"] + sums["truth"])
        return _pairs.ratio(right, sums["predicted" if self.of == "precision" else "truth"])
