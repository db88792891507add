"""Metrics: each module without a leading underscore is one, named in `experiments.<id>.metrics`.

A metric is a ratio, or a function of ratios, of sums over images, so a bootstrap needs its sums per image alone.
A module offers what `Metric` lists; its docstring has formula, source, range and edge cases.
"""

import importlib
import importlib.util
from typing import Protocol, cast

import numpy as np
import pandas as pd

from samgap.errors import UserError

Terms = dict[str, np.ndarray]


class Metric(Protocol):
    UNIT: str
    RANGE: tuple[float, float]
    BY_PHRASE: bool
    """Does it mean anything for one phrase alone?"""

    def rests_on(self, pairs: pd.DataFrame) -> np.ndarray:
        """Bool (N,): the rows of table `pairs` that it counts. Never depends on what was predicted."""

    def applies(self, pairs: pd.DataFrame) -> str | None:
        """None, or `not evaluable: …` with the reason why these pairs have no such value."""

    def terms(self, pairs: pd.DataFrame) -> Terms:
        """Sufficient statistics of the rows it rests on, float64 (N,) or (N, K), to be summed over rows."""

    def value(self, sums: Terms) -> np.ndarray:
        """The metric from summed terms (R,) or (R, K), one row a resample; float64 (R,), NaN where undefined."""


def load(metric: str) -> Metric:
    """The module of metric `metric` (an id, kebab-case); an unknown one raises UserError."""
    name = metric.replace("-", "_")
    if name.startswith("_") or importlib.util.find_spec(f"{__name__}.{name}") is None:
        raise UserError(f"metric `{metric}` has no file src/samgap/metrics/{name}.py; correct the id or add the file")
    return cast(Metric, importlib.import_module(f"{__name__}.{name}"))


def evaluate(metric: str, pairs: pd.DataFrame) -> float:
    """The value of `metric` over all `pairs` (table `pairs`); NaN where it is undefined or not evaluable."""
    module = load(metric)
    if module.applies(pairs):
        return float("nan")
    terms = module.terms(pairs[module.rests_on(pairs)])
    return float(module.value({name: term.sum(axis=0, keepdims=True) for name, term in terms.items()})[0])
