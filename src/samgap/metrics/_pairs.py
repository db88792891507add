"""What metrics share: which pairs they count, why there may be none, and ratios that may be undefined."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from samgap.tables.matching import IOU_THRESHOLDS

NO_GROUND_TRUTH = "not evaluable: the labels do not say what a right answer is"
NO_INSTANCE = "not evaluable: no labelled instance is asked for"
NO_PHRASE = "not evaluable: spatial prompts name no concept"
NO_MASK = "not evaluable: the ground truth has boxes only"
NO_CLICK = "not evaluable: no prompt was corrected by clicks"
NO_NEGATIVE = "not evaluable: no phrase is asked whose referent is absent from the image"


def is_evaluable(pairs: pd.DataFrame) -> np.ndarray:
    """Prompts whose right answer the labels know, bool (N,)."""
    return pairs["evaluable"].to_numpy(bool)


def is_positive(pairs: pd.DataFrame) -> np.ndarray:
    """Evaluable prompts with something to find, bool (N,)."""
    return is_evaluable(pairs) & (pairs["n_truth"].to_numpy() > 0)


def is_evaluable_phrase(pairs: pd.DataFrame) -> np.ndarray:
    """Evaluable noun phrases, present or absent, bool (N,)."""
    return is_evaluable(pairs) & (pairs["kind"] == "phrase").to_numpy(bool)


def no_ground_truth_reason(pairs: pd.DataFrame) -> str | None:
    return None if is_evaluable(pairs).any() else NO_GROUND_TRUTH


def no_instance_reason(pairs: pd.DataFrame) -> str | None:
    return no_ground_truth_reason(pairs) or (None if is_positive(pairs).any() else NO_INSTANCE)


def no_phrase_reason(pairs: pd.DataFrame) -> str | None:
    """Why phrases that are present cannot be judged."""
    asked = pairs["kind"].isin(["phrase", "other"])
    return NO_PHRASE if len(pairs) and not asked.any() else no_instance_reason(pairs[asked])


def no_negative_reason(pairs: pd.DataFrame) -> str | None:
    """Why presence cannot be judged."""
    absent = is_evaluable_phrase(pairs) & ~is_positive(pairs)
    return no_phrase_reason(pairs) or (None if absent.any() else NO_NEGATIVE)


def require_masks(base_reason: Callable[[pd.DataFrame], str | None]) -> Callable[[pd.DataFrame], str | None]:
    """`reason`, and that a metric of masks has none to compare with where some truth is a box."""

    def applies(pairs: pd.DataFrame) -> str | None:
        boxes = is_evaluable(pairs) & pairs["boxes_only"].to_numpy(bool)
        return base_reason(pairs) or (NO_MASK if boxes.any() else None)

    return applies


def require_phrases(
    row_mask: Callable[[pd.DataFrame], np.ndarray], missing_reason: str
) -> Callable[[pd.DataFrame], str | None]:
    """Why phrases that `rows` chooses cannot be judged; `why`, where it chooses none."""

    def applies(pairs: pd.DataFrame) -> str | None:
        asked = no_phrase_reason(pairs)
        return asked or (None if row_mask(pairs).any() else f"not evaluable: {missing_reason}")

    return applies


def float_column(pairs: pd.DataFrame, name: str) -> np.ndarray:
    return pairs[name].to_numpy(np.float64)


def list_column(pairs: pd.DataFrame, name: str) -> list[Any]:
    """A column of lists, None where there is none."""
    return [None if value is None or np.ndim(value) == 0 else value for value in pairs[name]]


def prompt_attributes(pairs: pd.DataFrame) -> list[dict[str, str]]:
    """The attributes that each phrase asks for."""
    return [dict(value) if isinstance(value, (list, np.ndarray)) else {} for value in pairs["attributes"]]


def true_positives(pairs: pd.DataFrame, name: str = "tp") -> np.ndarray:
    """True positives at each of `TAUS`, float64 (N, 10)."""
    return np.array(pairs[name].tolist(), np.float64).reshape(len(pairs), len(IOU_THRESHOLDS))


def true_positives_50(pairs: pd.DataFrame) -> np.ndarray:
    """True positives at IoU 0.5, float64 (N,)."""
    return true_positives(pairs)[:, 0]


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """`part` / `whole`, NaN where `whole` is 0."""
    return np.divide(numerator, denominator, out=np.full(np.shape(denominator), np.nan), where=denominator != 0)
