"""A metric as an object, for files that hold several: the ratio of two sums over the rows it rests on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from samgap.metrics import SufficientStatistics, _pairs

Column = Callable[[pd.DataFrame], np.ndarray]


@dataclass(frozen=True)
class Ratio:
    """Sum of `part` over sum of `whole`, each float64 (N,) of the rows of table `pairs`; NaN where `whole` is 0."""

    numerator: Column
    denominator: Column
    row_mask: Column
    not_evaluable_reason: Callable[[pd.DataFrame], str | None]
    UNIT: str = "fraction"
    RANGE: tuple[float, float] = (0.0, 1.0)
    BY_PHRASE: bool = True
    BY_INSTANCE: bool = False

    def sufficient_statistics(self, pairs: pd.DataFrame) -> SufficientStatistics:
        return {"part": self.numerator(pairs), "whole": self.denominator(pairs)}

    def compute(self, sums: SufficientStatistics) -> np.ndarray:
        return _pairs.ratio(sums["part"], sums["whole"])


def column(name: str) -> Column:
    """The column `name` of table `pairs`."""

    def column(pairs: pd.DataFrame) -> np.ndarray:
        return _pairs.float_column(pairs, name)

    return column


def constant(pairs: pd.DataFrame) -> np.ndarray:
    """Each row counts once."""
    return np.ones(len(pairs))


def true_positives_at(tau_index: int, name: str = "tp") -> Column:
    """Matches at IoU threshold number `place` of `samgap.tables.TAUS`."""

    def column(pairs: pd.DataFrame) -> np.ndarray:
        return _pairs.true_positives(pairs, name)[:, tau_index]

    return column


def add(first: Column, second: Column) -> Column:
    """The sum of two columns."""

    def column(pairs: pd.DataFrame) -> np.ndarray:
        return first(pairs) + second(pairs)

    return column


def double(summand: Column) -> Column:
    return add(summand, summand)


def mean(measure: str) -> Ratio:
    """Mean of one of `MEASURES` over the instances asked for; what nothing answers counts 0."""
    applies = _pairs.no_instance_reason if measure == "box_iou" else _pairs.require_masks(_pairs.no_instance_reason)
    return Ratio(column(f"sum_{measure}"), column("n_truth"), _pairs.is_positive, applies, BY_INSTANCE=True)


def mean_over_matched(measure: str, unit: str = "fraction", max_value: float = 1.0) -> Ratio:
    """Mean of a measure or an error over the instances asked for that something answers."""
    applies = (
        _pairs.no_instance_reason if measure.startswith("box") else _pairs.require_masks(_pairs.no_instance_reason)
    )
    total, count = column(f"sum_{measure}"), column("n_answered")
    return Ratio(total, count, _pairs.is_positive, applies, unit, (0.0, max_value), BY_INSTANCE=True)
