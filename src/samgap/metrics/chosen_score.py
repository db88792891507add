"""Metrics of phrases at the score threshold that was chosen for the model on other images (section `thresholds`)."""

from dataclasses import replace

import numpy as np
import pandas as pd

from samgap.metrics.base import Column, SufficientStatistics, SumMetric
from samgap.metrics.operating_point import CHOSEN
from samgap.metrics.reasons import no_phrase_reason
from samgap.metrics.row_masks import is_evaluable_phrase

NO_CHOSEN_SCORE = "not evaluable: no score threshold was chosen for the model on other images"
REPLACED_COLUMNS = {"n_predicted": "chosen_predicted", "n_far": "chosen_far", "tp": "chosen_tp"}
"""Column at the official score threshold -> the same column at the chosen one."""


def at_chosen_score(metric: SumMetric) -> SumMetric:
    """Build a metric of phrases at the chosen score threshold from that at the official one.

    Args:
        metric: reads of the predictions only columns in `REPLACED_COLUMNS`.
    """

    def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
        return metric.sufficient_statistics(use_chosen_score(pairs))

    def row_mask(pairs: pd.DataFrame) -> np.ndarray:
        return metric.row_mask(pairs) & is_evaluable_phrase(pairs)

    def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
        reason = no_phrase_reason(pairs) or metric.not_evaluable_reason(pairs)
        has_score = pairs["chosen_score"].notna().to_numpy(bool)[is_evaluable_phrase(pairs)]
        return reason or (None if has_score.all() else NO_CHOSEN_SCORE)

    return replace(
        metric,
        # Strata of instances come from table `instances`, which has the assignment at the official score alone.
        by_instance=False,
        sufficient_statistics=sufficient_statistics,
        row_mask=row_mask,
        not_evaluable_reason=not_evaluable_reason,
        left_out=metric.left_out and _read_at_chosen_score(metric.left_out),
        label=f"{metric.label}, chosen score",
        operating_point=replace(metric.operating_point, score=CHOSEN),
    )


def use_chosen_score(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return table `pairs` whose counts of predictions are those at the chosen score threshold."""
    return pairs.assign(**{name: pairs[chosen] for name, chosen in REPLACED_COLUMNS.items()})


def _read_at_chosen_score(read_column: Column) -> Column:
    def read(pairs: pd.DataFrame) -> np.ndarray:
        return read_column(use_chosen_score(pairs))

    return read
