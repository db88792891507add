"""A metric as an object, for files that hold several: the ratio of two sums over the rows it rests on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from samgap.metrics import Terms, _pairs

Column = Callable[[pd.DataFrame], np.ndarray]


@dataclass(frozen=True)
class Ratio:
    """Sum of `part` over sum of `whole`, each float64 (N,) of the rows of table `pairs`; NaN where `whole` is 0."""

    part: Column
    whole: Column
    rests_on: Column
    applies: Callable[[pd.DataFrame], str | None]
    UNIT: str = "fraction"
    RANGE: tuple[float, float] = (0.0, 1.0)
    BY_PHRASE: bool = True
    BY_INSTANCE: bool = False

    def terms(self, pairs: pd.DataFrame) -> Terms:
        return {"part": self.part(pairs), "whole": self.whole(pairs)}

    def value(self, sums: Terms) -> np.ndarray:
        return _pairs.ratio(sums["part"], sums["whole"])


def of(name: str) -> Column:
    """The column `name` of table `pairs`."""

    def column(pairs: pd.DataFrame) -> np.ndarray:
        return _pairs.column(pairs, name)

    return column


def one(pairs: pd.DataFrame) -> np.ndarray:
    """Each row counts once."""
    return np.ones(len(pairs))


def hits(place: int, name: str = "tp") -> Column:
    """Matches at IoU threshold number `place` of `samgap.tables.TAUS`."""

    def column(pairs: pd.DataFrame) -> np.ndarray:
        return _pairs.hits(pairs, name)[:, place]

    return column


def both(one: Column, other: Column) -> Column:
    """The sum of two columns."""

    def column(pairs: pd.DataFrame) -> np.ndarray:
        return one(pairs) + other(pairs)

    return column


def twice(one: Column) -> Column:
    return both(one, one)


def mean(measure: str) -> Ratio:
    """Mean of one of `MEASURES` over the instances asked for; what nothing answers counts 0."""
    applies = _pairs.without_truth if measure == "box_iou" else _pairs.masked(_pairs.without_truth)
    return Ratio(of(f"sum_{measure}"), of("n_truth"), _pairs.positive, applies, BY_INSTANCE=True)


def answered(measure: str, unit: str = "fraction", high: float = 1.0) -> Ratio:
    """Mean of a measure or an error over the instances asked for that something answers."""
    applies = _pairs.without_truth if measure.startswith("box") else _pairs.masked(_pairs.without_truth)
    total, count = of(f"sum_{measure}"), of("n_answered")
    return Ratio(total, count, _pairs.positive, applies, unit, (0.0, high), BY_INSTANCE=True)
