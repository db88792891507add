"""Metrics of a cell or stratum in a form that can be resampled by cluster."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from samgap.metrics import load_metric
from samgap.metrics.base import Metric, RankedMetric, Resampler, SharedCache, SufficientStatistics, SumMetric
from samgap.metrics.columns import float_column
from samgap.metrics.row_masks import has_lost_labels, has_property
from samgap.statistics.clusters import Clustering


@dataclass(frozen=True)
class LabelCoverage:
    """What the labels of the data set do not cover, for a value."""

    lacks_labels: bool = False
    """Whether the value needs exhaustive labels, and those of its rows are not."""
    n_left_out: int | None = None
    """Number of predictions left out as far from every label; None for a metric that leaves out none."""
    labelled_distance: float | None = None
    """The distance from which they are far, in image heights."""


@dataclass(frozen=True)
class SampleSize:
    """Size of the sample that a value is computed from."""

    has_data: np.ndarray
    """bool (clusters,): whether the cluster carries the value. Without the others, the value is the same."""
    n_images: int
    """Number of images that carry the value."""
    n_instances: int
    n_images_total: int = field(default=0, kw_only=True)
    """Number of images with a row that counts, whether or not they carry the value."""
    n_clusters_total: int = field(default=0, kw_only=True)
    """Number of clusters of these images."""
    n_lost: int = field(default=0, kw_only=True)
    """Number of phrases on images that do not count, because labels that they depend on were lost."""
    coverage: LabelCoverage = field(default=LabelCoverage(), kw_only=True)

    @property
    def n_clusters(self) -> int:
        """Number of clusters that carry the value."""
        return int(self.has_data.sum())


@dataclass(frozen=True)
class SumStatistics(SampleSize):
    """A metric of sums, with its sufficient statistics summed per cluster."""

    metric: SumMetric
    cluster_sums: np.ndarray
    """float64 (clusters, columns): the columns of all sufficient statistics, one after the other."""
    statistic_widths: dict[str, int | None]
    """Number of columns of each sufficient statistic; None for a statistic of shape (N,)."""

    def evaluate(self, totals: np.ndarray) -> np.ndarray:
        """Compute the metric of sums of `cluster_sums`, float64 (R, columns), as float64 (R,)."""
        return np.asarray(self.metric.compute(self._split_columns(totals)), np.float64)

    @property
    def statistics(self) -> SufficientStatistics:
        """The sufficient statistics of each cluster, float64 (clusters,) or (clusters, K)."""
        return self._split_columns(self.cluster_sums)

    def _split_columns(self, totals: np.ndarray) -> SufficientStatistics:
        sums: SufficientStatistics = {}
        start = 0
        for name, width in self.statistic_widths.items():
            sums[name] = totals[:, start] if width is None else totals[:, start : start + width]
            start += 1 if width is None else width
        return sums


@dataclass(frozen=True)
class RankingStatistics(SampleSize):
    """A metric that ranks predictions, with the rows of table `pairs` and their clusters."""

    metric: RankedMetric
    pairs: pd.DataFrame
    cluster_codes: np.ndarray
    """int64 (N,)."""

    left_out_values: dict[bytes, np.ndarray] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Values without each cluster in turn, by the clusters (see `jackknife.leave_one_out`): an interval and two tests
    need them, and they take most of their time."""

    def make_resampler(self, cache: SharedCache | None = None) -> Resampler:
        """Return the metric as a function of cluster weights."""
        return self.metric.make_resampler(self.pairs, self.cluster_codes, cache)

    @functools.cached_property
    def resampler(self) -> Resampler:
        """The metric as a function of cluster weights, which shares no values with other metrics."""
        return self.make_resampler()


Resampleable = SumStatistics | RankingStatistics


def summarize_metric(
    metric_id: str, pairs: pd.DataFrame, clustering: Clustering, exhaustive: bool = True
) -> Resampleable | str:
    """Prepare a metric of table `pairs` for resampling, or return `not evaluable: …` with the reason.

    Args:
        metric_id: the metric.
        pairs: the rows of a cell or of a stratum of it.
        clustering: the clusters of the data set's images.
        exhaustive: whether the labels of the data set are exhaustive, which changes no value.
    """
    metric = load_metric(metric_id)
    reason = metric.not_evaluable_reason(pairs)
    if reason:
        return reason
    n_lost = int(select_lost(metric, pairs).sum())
    pairs = pairs[metric.row_mask(pairs)]
    codes = clustering.cluster_codes(pairs["image_id"])
    coverage = describe_coverage(metric, pairs, exhaustive)
    if isinstance(metric, RankedMetric):
        sizes = _count_carriers(pairs, codes, metric.carries_value(pairs), clustering)
        return RankingStatistics(
            **sizes, metric=metric, pairs=pairs, cluster_codes=codes, n_lost=n_lost, coverage=coverage
        )
    statistics = metric.sufficient_statistics(pairs)
    widths = {name: None if rows.ndim == 1 else rows.shape[1] for name, rows in statistics.items()}
    columns = [column for rows in statistics.values() for column in rows.reshape(len(pairs), -1).T]
    cluster_sums = np.stack(
        [np.bincount(codes, weights=column, minlength=clustering.count) for column in columns], axis=1
    )
    # A row of zeros changes no sum.
    sizes = _count_carriers(pairs, codes, np.any(columns, axis=0), clustering)
    return SumStatistics(
        **sizes, metric=metric, cluster_sums=cluster_sums, statistic_widths=widths, n_lost=n_lost, coverage=coverage
    )


def _count_carriers(
    pairs: pd.DataFrame, codes: np.ndarray, carries_value: np.ndarray, clustering: Clustering
) -> dict[str, Any]:
    """Return the fields of `SampleSize` that depend on which rows carry the value, bool (N,)."""
    return {
        "has_data": np.bincount(codes[carries_value], minlength=clustering.count) > 0,
        "n_images": pairs.loc[carries_value, "image_id"].nunique(),
        "n_instances": int(pairs["n_truth"].sum()),
        "n_images_total": pairs["image_id"].nunique(),
        "n_clusters_total": len(np.unique(codes)),
    }


def select_lost(metric: Metric, pairs: pd.DataFrame) -> np.ndarray:
    """Select the rows of table `pairs` that the metric would count if none of their labels had been lost, bool (N,)."""
    is_lost = has_lost_labels(pairs)
    if not is_lost.any():
        return is_lost
    lost = pairs[is_lost]
    lost = lost.assign(lost_labels=False, evaluable=has_property(lost, "names_concept"))
    # Whether the phrase is present in these images is unknown.
    masks = [metric.row_mask(lost.assign(n_truth=n_truth)) for n_truth in (0, 1)]
    is_selected = is_lost.copy()
    is_selected[is_lost] = np.logical_or(*masks)
    return is_selected


def describe_coverage(metric: Metric, pairs: pd.DataFrame, exhaustive: bool) -> LabelCoverage:
    """Describe what the labels do not cover, for a metric of the rows of table `pairs` that count.

    A row of a spatial prompt needs no other labels than that of its object.
    """
    lacks_labels = metric.needs_exhaustive_labels and not exhaustive and not has_property(pairs, "spatial").all()
    if metric.left_out is None or not len(pairs):
        return LabelCoverage(lacks_labels)
    distance = float_column(pairs, "labelled_distance")[0]
    return LabelCoverage(lacks_labels, int(metric.left_out(pairs).sum()), float(distance))


def round_for_exact_sums(tables: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Round tables (N, columns) so that every sum of N of their rows, repeated or not, is exact.

    The elements of a column become multiples of a power of two, at most 2^-51 of the largest such sum. Then every order
    of summation gives the same bytes, for any BLAS and number of threads. Whole numbers do not change.
    """
    largest = np.max([np.abs(table).max(axis=0) for table in tables], axis=0)
    _, exponent = np.frexp(largest * len(tables[0]))
    step = np.ldexp(1.0, exponent - 52)
    return [np.round(table / step) * step for table in tables]
