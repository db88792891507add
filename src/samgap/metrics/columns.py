"""Columns of table `pairs` as arrays, and functions that build such columns for ratios."""

from typing import Any

import numpy as np
import pandas as pd

from samgap.metrics.base import Column
from samgap.tables.matching import IOU_THRESHOLDS, SCORE_THRESHOLDS


def float_column(pairs: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column as float64 (N,)."""
    return pairs[name].to_numpy(np.float64)


def list_column(pairs: pd.DataFrame, name: str) -> list[Any]:
    """Return a column of lists, with None for null."""
    return [None if value is None or np.ndim(value) == 0 else value for value in pairs[name]]


def prompt_attributes(pairs: pd.DataFrame) -> list[dict[str, str]]:
    """Return the attributes that each phrase names, by attribute; empty for other prompts."""
    return [dict(value) if isinstance(value, (list, np.ndarray)) else {} for value in pairs["attributes"]]


def true_positives(pairs: pd.DataFrame, name: str = "tp") -> np.ndarray:
    """Return true positives at each of `IOU_THRESHOLDS`, float64 (N, 10)."""
    return np.array(pairs[name].tolist(), np.float64).reshape(len(pairs), len(IOU_THRESHOLDS))


def column(name: str) -> Column:
    """Build the function that returns the column `name`, float64 (N,)."""

    def read_column(pairs: pd.DataFrame) -> np.ndarray:
        return float_column(pairs, name)

    return read_column


def constant(pairs: pd.DataFrame) -> np.ndarray:
    """Return 1 for each row, float64 (N,)."""
    return np.ones(len(pairs))


def true_positives_at(iou_threshold: float, name: str = "tp") -> Column:
    """Build the function that returns true positives at one of `IOU_THRESHOLDS`, float64 (N,)."""
    index = IOU_THRESHOLDS.index(iou_threshold)

    def read_column(pairs: pd.DataFrame) -> np.ndarray:
        return true_positives(pairs, name)[:, index]

    return read_column


def column_at_score(name: str, score_threshold: float) -> Column:
    """Build the function that returns a `sweep_…` column at one of `SCORE_THRESHOLDS`, float64 (N,)."""
    index = SCORE_THRESHOLDS.index(score_threshold)

    def read_column(pairs: pd.DataFrame) -> np.ndarray:
        return sweep_column(pairs, name)[:, index]

    return read_column


def sweep_column(pairs: pd.DataFrame, name: str) -> np.ndarray:
    """Return a `sweep_…` column, float64 (N, 19): one value for each of `SCORE_THRESHOLDS`."""
    return np.array(pairs[name].tolist(), np.float64).reshape(len(pairs), len(SCORE_THRESHOLDS))


def add(first: Column, second: Column) -> Column:
    """Build the sum of two columns."""

    def sum_columns(pairs: pd.DataFrame) -> np.ndarray:
        return first(pairs) + second(pairs)

    return sum_columns


def double(summand: Column) -> Column:
    """Build twice a column."""
    return add(summand, summand)
