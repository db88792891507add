"""Prompts that are corrected by clicks: the IoU after each click, reduced to one value per prompt."""

from collections.abc import Callable
from typing import Unpack

import numpy as np
import pandas as pd

from samgap.metrics.base import Column, Description, SumMetric, ratio
from samgap.metrics.columns import constant, list_column
from samgap.metrics.reasons import NO_CLICK, no_instance_reason, require_masks
from samgap.metrics.row_masks import has_property, is_positive

MAX_CLICKS = 20
"""Clicks per instance at which the protocol stops."""

Reducer = Callable[[np.ndarray], float]
"""From the IoU after 1, 2 … clicks, float64 (clicks,), to one value. The array is empty without a prediction."""


def is_click_prompt(pairs: pd.DataFrame) -> np.ndarray:
    """Select evaluable prompts of one instance with clicks, bool (N,)."""
    has_clicks = [value is not None for value in list_column(pairs, "click_iou")]
    return is_positive(pairs) & (has_property(pairs, "interactive") | np.array(has_clicks, bool))


def no_click_reason(pairs: pd.DataFrame) -> str | None:
    """Return the reason if no prompt has clicks, or the ground truth has boxes only."""
    return require_masks(no_instance_reason)(pairs) or (None if is_click_prompt(pairs).any() else NO_CLICK)


def mean_over_click_prompts(reducer: Reducer, **description: Unpack[Description]) -> SumMetric:
    """Build the mean of a reduced IoU series over instances."""
    return ratio(
        reduce_click_ious(reducer),
        constant,
        row_mask=is_click_prompt,
        not_evaluable_reason=no_click_reason,
        **description,
    )


def reduce_click_ious(reducer: Reducer) -> Column:
    """Build the column with `reducer` of each prompt's IoU series."""

    def reduce_rows(pairs: pd.DataFrame) -> np.ndarray:
        series = list_column(pairs, "click_iou")
        return np.array([reducer(np.asarray(() if ious is None else ious, np.float64)) for ious in series], np.float64)

    return reduce_rows


def clicks_to_reach(target_iou: float) -> Reducer:
    """Build the reducer to the first click with an IoU of `target_iou`, or `MAX_CLICKS` if there is none."""

    def first_click(ious: np.ndarray) -> float:
        reached = np.flatnonzero(ious[:MAX_CLICKS] >= target_iou)
        return float(reached[0] + 1) if len(reached) else float(MAX_CLICKS)

    return first_click


def never_reaches(target_iou: float) -> Reducer:
    """Build the reducer to 1 if no IoU is `target_iou` or more, else 0."""
    return lambda ious: float(not (ious[:MAX_CLICKS] >= target_iou).any())


def iou_after(n_clicks: int) -> Reducer:
    """Build the reducer to the IoU after `n_clicks`, or after the last click of a shorter series."""
    return lambda ious: float(ious[min(n_clicks, len(ious)) - 1]) if len(ious) else 0.0
