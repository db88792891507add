"""Metrics of sequences: which rows are steps from a frame to the next, and why there may be none."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from samgap.metrics import _pairs
from samgap.metrics._ratio import Column

NO_SEQUENCE = "not evaluable: the images are no frames of a sequence"
NO_STEP = "not evaluable: nothing is asked for on two frames in a row"
NO_FLOW = "not evaluable: the data set has no optical flow"
NO_TRACK = "not evaluable: no object is followed through a sequence"
SEQUENCE_TOO_SHORT = "not evaluable: no object is asked for on three frames of a sequence"


def has_value(column_name: str) -> Column:
    """bool (N,): evaluable rows that have a value in a column that may be null."""

    def rows(pairs: pd.DataFrame) -> np.ndarray:
        return _pairs.is_evaluable(pairs) & pairs[column_name].notna().to_numpy(bool)

    return rows


def zero_filled(column_name: str) -> Column:
    """A column that may be null, 0 there."""

    def column(pairs: pd.DataFrame) -> np.ndarray:
        return pairs[column_name].fillna(0).to_numpy(np.float64)

    return column


def require_rows(row_mask: Column, missing_reason: str) -> Callable[[pd.DataFrame], str | None]:
    """Why `rows` chooses none: no answer is known, there is no sequence, or `otherwise`."""

    def applies(pairs: pd.DataFrame) -> str | None:
        reason = _pairs.no_ground_truth_reason(pairs) or (None if has_value("sequence")(pairs).any() else NO_SEQUENCE)
        return reason or (None if row_mask(pairs).any() else missing_reason)

    return applies


def is_inner_frame(pairs: pd.DataFrame) -> np.ndarray:
    """bool (N,): evaluable prompts for one object on neither the first nor the last frame that it is asked for on."""
    found = np.zeros(len(pairs), bool)
    one = np.flatnonzero((pairs["track"].notna() & pairs["sequence"].notna()).to_numpy(bool))
    if len(one):
        rows = pairs.iloc[one]
        frames = rows.groupby(["sequence", "track"], sort=False)["frame"]
        between = (rows["frame"] > frames.transform("min")) & (rows["frame"] < frames.transform("max"))
        found[one] = between.to_numpy(bool) & _pairs.is_evaluable(rows)
    return found


def track_weight(pairs: pd.DataFrame) -> np.ndarray:
    """float64 (N,): 1 / rows of the object, so that each object weighs 1, however long it is seen."""
    return 1 / pairs.groupby(["sequence", "track"], sort=False)["frame"].transform("size").to_numpy(np.float64)
