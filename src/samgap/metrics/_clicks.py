"""Prompts that are corrected by clicks: the IoU after each."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from samgap.metrics import _pairs
from samgap.metrics._ratio import Column

LIMIT = 20


def asked(pairs: pd.DataFrame) -> np.ndarray:
    """bool (N,): evaluable prompts of one instance with clicks."""
    clicked = [value is not None for value in _pairs.lists(pairs, "click_iou")]
    return _pairs.positive(pairs) & ((pairs["kind"] == "clicks").to_numpy(bool) | np.array(clicked, bool))


def applies(pairs: pd.DataFrame) -> str | None:
    return _pairs.masked(_pairs.without_truth)(pairs) or (None if asked(pairs).any() else _pairs.NO_CLICK)


def each(of: Callable[[np.ndarray], float]) -> Column:
    """`of` the IoUs after each prompt's clicks; none where nothing answers."""

    def column(pairs: pd.DataFrame) -> np.ndarray:
        found = _pairs.lists(pairs, "click_iou")
        return np.array([of(np.asarray(() if value is None else value, np.float64)) for value in found], np.float64)

    return column


def needed(target: float) -> Callable[[np.ndarray], float]:
    """Clicks until the IoU is `target`; `LIMIT` where it never is."""

    def clicks(ious: np.ndarray) -> float:
        reached = np.flatnonzero(ious[:LIMIT] >= target)
        return float(reached[0] + 1) if len(reached) else float(LIMIT)

    return clicks


def failed(target: float) -> Callable[[np.ndarray], float]:
    return lambda ious: float(not (ious[:LIMIT] >= target).any())


def after(number: int) -> Callable[[np.ndarray], float]:
    """IoU after that many clicks, or after the last where there are fewer."""
    return lambda ious: float(ious[min(number, len(ious)) - 1]) if len(ious) else 0.0
