"""Metrics of image sequences: which rows they count, and why they may not be evaluable."""

import numpy as np
import pandas as pd

from samgap.metrics.base import Column, Reason
from samgap.metrics.reasons import no_ground_truth_reason
from samgap.metrics.row_masks import is_evaluable

# These texts are written to the column `note` of table `estimates`.
NO_SEQUENCE = "not evaluable: the images are not frames of a sequence"
NO_STEP = "not evaluable: no prompt is on two consecutive frames"
NO_FLOW = "not evaluable: the data set has no optical flow"
NO_TRACK = "not evaluable: no object is tracked through a sequence"
SEQUENCE_TOO_SHORT = "not evaluable: no object is prompted on three frames of a sequence"


def has_value(column_name: str) -> Column:
    """Build the mask of evaluable rows with a value in a nullable column, bool (N,)."""

    def row_mask(pairs: pd.DataFrame) -> np.ndarray:
        return is_evaluable(pairs) & pairs[column_name].notna().to_numpy(bool)

    return row_mask


def zero_filled(column_name: str) -> Column:
    """Build the column with 0 for null, float64 (N,)."""

    def read_column(pairs: pd.DataFrame) -> np.ndarray:
        return pairs[column_name].fillna(0).to_numpy(np.float64)

    return read_column


def require_rows(row_mask: Column, missing_reason: str) -> Reason:
    """Build a reason: no ground truth, no sequence, or `missing_reason` if `row_mask` selects no row."""

    def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
        reason = no_ground_truth_reason(pairs) or (None if has_value("sequence")(pairs).any() else NO_SEQUENCE)
        return reason or (None if row_mask(pairs).any() else missing_reason)

    return not_evaluable_reason


def is_inner_frame(pairs: pd.DataFrame) -> np.ndarray:
    """Select evaluable prompts of one object on frames between its first and last prompted frame, bool (N,)."""
    is_inner = np.zeros(len(pairs), bool)
    track_rows = np.flatnonzero((pairs["track"].notna() & pairs["sequence"].notna()).to_numpy(bool))
    if len(track_rows):
        rows = pairs.iloc[track_rows]
        frames = rows.groupby(["sequence", "track"], sort=False)["frame"]
        between = (rows["frame"] > frames.transform("min")) & (rows["frame"] < frames.transform("max"))
        is_inner[track_rows] = between.to_numpy(bool) & is_evaluable(rows)
    return is_inner


def track_weight(pairs: pd.DataFrame) -> np.ndarray:
    """Return 1 / number of rows of the object, float64 (N,), so that each object has the same total weight."""
    return 1 / pairs.groupby(["sequence", "track"], sort=False)["frame"].transform("size").to_numpy(np.float64)
