"""IL_MCC, the image-level Matthews correlation: how well predictions separate present phrases from absent ones.

Over pairs of image and phrase, "at least one mask predicted" against "present":
(TP·TN − FP·FN) / (√((TP+FP)(TP+FN)(TN+FP)(TN+FN)) + ε), ε = 1e-6. The value is 0 if a row or column of the confusion
matrix is empty, for example with masks for every phrase. An image whose only instances of a phrase's nouns are `ignore`
does not count for the phrase, as its presence is unknown. Not evaluable without a phrase that is absent from its image:
the value would be 0 for any model.

`il-mcc-chosen` counts predictions of phrases from the chosen score threshold on (section `thresholds`).
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import SufficientStatistics, SumMetric
from samgap.metrics.chosen_score import at_chosen_score
from samgap.metrics.columns import float_column
from samgap.metrics.operating_point import PRESENCE
from samgap.metrics.reasons import no_negative_reason
from samgap.metrics.row_masks import has_known_presence

EPSILON = 1e-6
NO_ERROR = "the presence of each phrase is predicted correctly, so the rate of such errors is unknown"


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    """Return the four cells of the confusion matrix, float64 (N,) each."""
    present, predicted = float_column(pairs, "n_truth") > 0, float_column(pairs, "n_predicted") > 0
    counts = {
        "tp": present & predicted,
        "fp": ~present & predicted,
        "tn": ~present & ~predicted,
        "fn": present & ~predicted,
    }
    return {name: count.astype(np.float64) for name, count in counts.items()}


def compute(sums: SufficientStatistics) -> np.ndarray:
    """Return the Matthews correlation of summed counts, float64 (R,)."""
    tp, fp, tn, fn = (sums[name] for name in ("tp", "fp", "tn", "fn"))
    scale = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return (tp * tn - fp * fn) / (scale + EPSILON)


def no_error_reason(sums: SufficientStatistics) -> str | None:
    """Return why the sums of the clusters do not show the spread, if no presence is predicted wrongly."""
    return None if (sums["fp"] + sums["fn"]).any() else NO_ERROR


VARIANTS = ("", "chosen")

METRICS = {
    "": SumMetric(
        sufficient_statistics=sufficient_statistics,
        compute=compute,
        no_spread_reason=no_error_reason,
        row_mask=has_known_presence,
        not_evaluable_reason=no_negative_reason,
        by_phrase=False,
        needs_exhaustive_labels=True,
        operating_point=PRESENCE,
        higher_is_better=True,
        label="IL-MCC",
        source="sam3's `eval/cgf1_eval.py`, including ε; Matthews (1975)",
        value_range=(-1.0, 1.0),
    )
}
METRICS["chosen"] = at_chosen_score(METRICS[""])
