"""Prompts that are corrected by clicks: the IoU after each."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from samgap.metrics import _pairs
from samgap.metrics._ratio import Column

MAX_CLICKS = 20


def is_click_prompt(pairs: pd.DataFrame) -> np.ndarray:
    """bool (N,): evaluable prompts of one instance with clicks."""
    clicked = [value is not None for value in _pairs.list_column(pairs, "click_iou")]
    return _pairs.is_positive(pairs) & ((pairs["kind"] == "clicks").to_numpy(bool) | np.array(clicked, bool))


def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
    return _pairs.require_masks(_pairs.no_instance_reason)(pairs) or (
        None if is_click_prompt(pairs).any() else _pairs.NO_CLICK
    )


def reduce_click_ious(reducer: Callable[[np.ndarray], float]) -> Column:
    """`of` the IoUs after each prompt's clicks; none where nothing answers."""

    def column(pairs: pd.DataFrame) -> np.ndarray:
        found = _pairs.list_column(pairs, "click_iou")
        return np.array(
            [reducer(np.asarray(() if value is None else value, np.float64)) for value in found], np.float64
        )

    return column


def clicks_to_reach(target_iou: float) -> Callable[[np.ndarray], float]:
    """Clicks until the IoU is `target`; `LIMIT` where it never is."""

    def clicks(ious: np.ndarray) -> float:
        reached = np.flatnonzero(ious[:MAX_CLICKS] >= target_iou)
        return float(reached[0] + 1) if len(reached) else float(MAX_CLICKS)

    return clicks


def never_reaches(target_iou: float) -> Callable[[np.ndarray], float]:
    return lambda ious: float(not (ious[:MAX_CLICKS] >= target_iou).any())


def iou_after(n_clicks: int) -> Callable[[np.ndarray], float]:
    """IoU after that many clicks, or after the last where there are fewer."""
    return lambda ious: float(ious[min(n_clicks, len(ious)) - 1]) if len(ious) else 0.0
