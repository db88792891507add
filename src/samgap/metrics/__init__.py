"""Metrics, each named in `experiments.<id>.metrics` and found by its id: a metric is one file.

The file `iou.py` is the metric `iou`: the module itself offers what `Metric` lists. A file with a literal
`VARIANTS = ("1px", "2px")` holds one metric for each, `boundary-f-1px` and `boundary-f-2px` in `boundary_f.py`, and
offers `variant(name) -> Metric`; the variant "" is the file's bare id. Modules whose name begins with `_` are helpers.
A docstring has formula, source, range and edge cases; docs/reference/metrics.md is made from them.

Most metrics are ratios, or functions of ratios, of sums over images, so a bootstrap needs their sums per image alone:
`terms` and `value`. Those that rank all predictions (average precision) are no function of sums: they offer `sampler`
in place of both.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import pandas as pd

from samgap.config import plugins
from samgap.errors import UserError

SufficientStatistics = dict[str, np.ndarray]
SharedCache = dict[Any, np.ndarray]
"""What samplers that are given the same weights tell one another; emptied before other weights are given."""
Sampler = Callable[[np.ndarray], np.ndarray]
"""From weights of clusters, float64 (R, C), to the metric in each of R resamples, float64 (R,); NaN: undefined."""


class MetricBase(Protocol):
    @property
    def UNIT(self) -> str:
        """Of its values: fraction, points of 100, px, prompts …"""

    @property
    def RANGE(self) -> tuple[float, float]:
        """Its lowest and highest value."""

    @property
    def BY_PHRASE(self) -> bool:
        """Does it mean anything for one phrase alone?"""

    @property
    def BY_INSTANCE(self) -> bool:
        """Does it rest on the instances asked for alone, so that it means something for those of one size?"""

    def row_mask(self, pairs: pd.DataFrame) -> np.ndarray:
        """Bool (N,): the rows of table `pairs` that it counts. Never depends on what was predicted."""

    def not_evaluable_reason(self, pairs: pd.DataFrame) -> str | None:
        """None, or `not evaluable: …` with the reason why these pairs have no such value."""


class Metric(MetricBase, Protocol):
    def sufficient_statistics(self, pairs: pd.DataFrame) -> SufficientStatistics:
        """Sufficient statistics of the rows it rests on, float64 (N,) or (N, K), to be summed over rows."""

    def compute(self, sums: SufficientStatistics) -> np.ndarray:
        """The metric from summed terms (R,) or (R, K), one row a resample; float64 (R,), NaN where undefined."""


@runtime_checkable
class RankingMetric(Protocol):
    """A metric that is no plain function of sums: it has `sampler` in place of `terms` and `value`."""

    def sampler(self, pairs: pd.DataFrame, clusters: np.ndarray, cache: SharedCache | None = None) -> Sampler:
        """For the rows it rests on and the cluster of each, 0 to C−1, int (N,)."""


METRIC_REGISTRY = plugins.list_metrics(Path(__file__).parent)
"""Metric id -> (its module's name, its variant), sorted by id."""


def load_metric(metric_id: str) -> Metric:
    """The metric with the id `metric` (kebab-case); an unknown one raises UserError."""
    if metric_id not in METRIC_REGISTRY:
        name = metric_id.replace("-", "_")
        raise UserError(
            f"metric `{metric_id}` has no file src/samgap/metrics/{name}.py; correct the id or add the file"
        )
    name, variant = METRIC_REGISTRY[metric_id]
    module = importlib.import_module(f"{__name__}.{name}")
    return cast(Metric, module.variant(variant) if hasattr(module, "VARIANTS") else module)


def evaluate(metric_id: str, pairs: pd.DataFrame) -> float:
    """The value of `metric` over all `pairs` (table `pairs`); NaN where it is undefined or not evaluable."""
    module = load_metric(metric_id)
    if module.not_evaluable_reason(pairs):
        return float("nan")
    pairs = pairs[module.row_mask(pairs)]
    if isinstance(module, RankingMetric):
        return float(module.sampler(pairs, np.zeros(len(pairs), np.int64))(np.ones((1, 1)))[0])
    terms = module.sufficient_statistics(pairs)
    return float(module.compute({name: term.sum(axis=0, keepdims=True) for name, term in terms.items()})[0])
