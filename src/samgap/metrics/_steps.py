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
SHORT = "not evaluable: no object is asked for on three frames of a sequence"


def known(name: str) -> Column:
    """bool (N,): evaluable rows that have a value in a column that may be null."""

    def rows(pairs: pd.DataFrame) -> np.ndarray:
        return _pairs.evaluable(pairs) & pairs[name].notna().to_numpy(bool)

    return rows


def zeroed(name: str) -> Column:
    """A column that may be null, 0 there."""

    def column(pairs: pd.DataFrame) -> np.ndarray:
        return pairs[name].fillna(0).to_numpy(np.float64)

    return column


def some(rows: Column, otherwise: str) -> Callable[[pd.DataFrame], str | None]:
    """Why `rows` chooses none: no answer is known, there is no sequence, or `otherwise`."""

    def applies(pairs: pd.DataFrame) -> str | None:
        reason = _pairs.without_answer(pairs) or (None if known("sequence")(pairs).any() else NO_SEQUENCE)
        return reason or (None if rows(pairs).any() else otherwise)

    return applies


def inner(pairs: pd.DataFrame) -> np.ndarray:
    """bool (N,): evaluable prompts for one object on neither the first nor the last frame that it is asked for on."""
    found = np.zeros(len(pairs), bool)
    one = np.flatnonzero((pairs["track"].notna() & pairs["sequence"].notna()).to_numpy(bool))
    if len(one):
        rows = pairs.iloc[one]
        frames = rows.groupby(["sequence", "track"], sort=False)["frame"]
        between = (rows["frame"] > frames.transform("min")) & (rows["frame"] < frames.transform("max"))
        found[one] = between.to_numpy(bool) & _pairs.evaluable(rows)
    return found


def share_of_track(pairs: pd.DataFrame) -> np.ndarray:
    """float64 (N,): 1 / rows of the object, so that each object weighs 1, however long it is seen."""
    return 1 / pairs.groupby(["sequence", "track"], sort=False)["frame"].transform("size").to_numpy(np.float64)
