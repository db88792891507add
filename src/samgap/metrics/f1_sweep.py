"""F1 at IoU 0.5 over the score thresholds 0.05, 0.10 … 0.95, without a choice of one.

F1 of each threshold is 2TP / (predictions + instances) over evaluable phrases, as `f1-score-…`. `f1-sweep-best`: the
highest of them. It is the F1 of a user who knows the best threshold for these images, so it is above what any threshold
that was chosen on other images reaches. `f1-sweep-mean`: their mean, which is high if F1 does not depend on the
threshold much. Undefined (NaN) if there are no instances. Not evaluable for spatial prompts.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from samgap.metrics.base import SufficientStatistics, SumMetric, divide
from samgap.metrics.columns import float_column, sweep_column
from samgap.metrics.operating_point import SWEPT, OperatingPoint
from samgap.metrics.reasons import no_phrase_reason, require_masks
from samgap.metrics.row_masks import is_evaluable_phrase

VARIANTS = ("best", "mean")


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    """Return TP and the number of predictions at each threshold, float64 (N, 19), and the number of instances (N,)."""
    return {
        "tp": sweep_column(pairs, "sweep_tp"),
        "predicted": sweep_column(pairs, "sweep_predicted"),
        "truth": float_column(pairs, "n_truth"),
    }


def summarize_f1(summarize: Callable[..., np.ndarray], label: str, is_biased: bool) -> SumMetric:
    """Build the summary over thresholds (the function gets an array and `axis`) of the F1."""

    def compute(sums: SufficientStatistics) -> np.ndarray:
        f1 = divide(2 * sums["tp"], sums["predicted"] + sums["truth"][..., None])
        return np.where(sums["truth"] > 0, summarize(f1, axis=-1), np.nan)

    return SumMetric(
        sufficient_statistics=sufficient_statistics,
        compute=compute,
        row_mask=is_evaluable_phrase,
        not_evaluable_reason=require_masks(no_phrase_reason),
        needs_exhaustive_labels=True,
        operating_point=OperatingPoint("0.50", SWEPT),
        higher_is_better=True,
        is_biased=is_biased,
        label=label,
        source="the usual definition of F1",
    )


METRICS = {
    # Sampling errors raise a maximum.
    "best": summarize_f1(np.max, "best F1@50 of all scores", is_biased=True),
    "mean": summarize_f1(np.mean, "mean F1@50 of all scores", is_biased=False),
}
