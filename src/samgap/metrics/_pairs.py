"""What metrics share: which pairs they count, why there may be none, and ratios that may be undefined."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from samgap.tables import TAUS

NO_ANSWER = "not evaluable: the labels do not say what a right answer is"
NO_TRUTH = "not evaluable: no labelled instance is asked for"
NO_PHRASE = "not evaluable: spatial prompts name no concept"
NO_MASK = "not evaluable: the ground truth has boxes only"
NO_CLICK = "not evaluable: no prompt was corrected by clicks"
NO_NEGATIVE = "not evaluable: no phrase is asked whose referent is absent from the image"


def evaluable(pairs: pd.DataFrame) -> np.ndarray:
    """Prompts whose right answer the labels know, bool (N,)."""
    return pairs["evaluable"].to_numpy(bool)


def positive(pairs: pd.DataFrame) -> np.ndarray:
    """Evaluable prompts with something to find, bool (N,)."""
    return evaluable(pairs) & (pairs["n_truth"].to_numpy() > 0)


def phrases(pairs: pd.DataFrame) -> np.ndarray:
    """Evaluable noun phrases, present or absent, bool (N,)."""
    return evaluable(pairs) & (pairs["kind"] == "phrase").to_numpy(bool)


def without_answer(pairs: pd.DataFrame) -> str | None:
    return None if evaluable(pairs).any() else NO_ANSWER


def without_truth(pairs: pd.DataFrame) -> str | None:
    return without_answer(pairs) or (None if positive(pairs).any() else NO_TRUTH)


def without_concept(pairs: pd.DataFrame) -> str | None:
    """Why phrases that are present cannot be judged."""
    asked = pairs["kind"].isin(["phrase", "other"])
    return NO_PHRASE if len(pairs) and not asked.any() else without_truth(pairs[asked])


def without_negative(pairs: pd.DataFrame) -> str | None:
    """Why presence cannot be judged."""
    absent = phrases(pairs) & ~positive(pairs)
    return without_concept(pairs) or (None if absent.any() else NO_NEGATIVE)


def masked(reason: Callable[[pd.DataFrame], str | None]) -> Callable[[pd.DataFrame], str | None]:
    """`reason`, and that a metric of masks has none to compare with where some truth is a box."""

    def applies(pairs: pd.DataFrame) -> str | None:
        boxes = evaluable(pairs) & pairs["boxes_only"].to_numpy(bool)
        return reason(pairs) or (NO_MASK if boxes.any() else None)

    return applies


def tagged(rows: Callable[[pd.DataFrame], np.ndarray], why: str) -> Callable[[pd.DataFrame], str | None]:
    """Why phrases that `rows` chooses cannot be judged; `why`, where it chooses none."""

    def applies(pairs: pd.DataFrame) -> str | None:
        asked = without_concept(pairs)
        return asked or (None if rows(pairs).any() else f"not evaluable: {why}")

    return applies


def column(pairs: pd.DataFrame, name: str) -> np.ndarray:
    return pairs[name].to_numpy(np.float64)


def lists(pairs: pd.DataFrame, name: str) -> list[Any]:
    """A column of lists, None where there is none."""
    return [None if value is None or np.ndim(value) == 0 else value for value in pairs[name]]


def asked_attributes(pairs: pd.DataFrame) -> list[dict[str, str]]:
    """The attributes that each phrase asks for."""
    return [dict(value) if isinstance(value, (list, np.ndarray)) else {} for value in pairs["attributes"]]


def hits(pairs: pd.DataFrame, name: str = "tp") -> np.ndarray:
    """True positives at each of `TAUS`, float64 (N, 10)."""
    return np.array(pairs[name].tolist(), np.float64).reshape(len(pairs), len(TAUS))


def hits_50(pairs: pd.DataFrame) -> np.ndarray:
    """True positives at IoU 0.5, float64 (N,)."""
    return hits(pairs)[:, 0]


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part` / `whole`, NaN where `whole` is 0."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole != 0)
