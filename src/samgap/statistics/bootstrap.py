"""Confidence intervals by resampling clusters: percentile intervals, expanded for few clusters.

All pairs of an image share light, trees and annotator, so whole images (or larger groups) are resampled. All cells of a
data set share the resamples, so that differences between cells are paired.

Source: Efron & Tibshirani (1993); expansion: Hesterberg, What teachers should know about the bootstrap, The American
Statistician 69 (2015).
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

import numpy as np
from scipy import stats

from samgap.metrics.base import SharedCache
from samgap.statistics.sums import RankingStatistics, Resampleable, SumStatistics, round_for_exact_sums

MAX_BLOCK_ELEMENTS = 1 << 21
"""Elements of a block of weights (16 MB as float64), and of the weighted totals computed from it."""


def seeded_generator(seed: int, *names: str) -> np.random.Generator:
    """Create a random generator that depends only on the seed and on names, such as the id of a data set."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, "<u4").tolist()])


def draw_counts(n_clusters: int, n_resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield how often each resample contains each cluster, float64 (rows, clusters), `n_resamples` rows in all.

    Each row is a multinomial draw with equal probabilities. Blocks have at most `MAX_BLOCK_ELEMENTS` elements; the rows
    do not depend on the block size.
    """
    rows_per_block = max(MAX_BLOCK_ELEMENTS // n_clusters, 1)
    for start in range(0, n_resamples, rows_per_block):
        n_rows = min(rows_per_block, n_resamples - start)
        indices = rng.integers(0, n_clusters, size=(n_rows, n_clusters))
        indices += np.arange(n_rows)[:, None] * n_clusters
        yield np.bincount(indices.ravel(), minlength=n_rows * n_clusters).reshape(n_rows, n_clusters).astype(np.float64)


def resample(resampleables: Sequence[Resampleable], seed: int, dataset: str, n_resamples: int) -> list[np.ndarray]:
    """Compute each metric in every resample of the data set's clusters.

    Returns:
        For each of `resampleables`, float64 (n_resamples,), NaN where undefined.
    """
    if not resampleables:
        return []
    return evaluate_weights(
        draw_counts(len(resampleables[0].has_data), n_resamples, seeded_generator(seed, "resamples", dataset)),
        resampleables,
    )


def evaluate_weights(weight_blocks: Iterable[np.ndarray], resampleables: Sequence[Resampleable]) -> list[np.ndarray]:
    """Compute each metric for each row of cluster weights.

    Args:
        weight_blocks: Blocks of weights, float64 (rows, clusters): whole numbers whose sum in a row is at most the
            number of clusters.
        resampleables: The metrics.

    Returns:
        For each of `resampleables`, float64 (all rows,), NaN where undefined.
    """
    cache: SharedCache = {}
    sums_by_index = {
        index: round_for_exact_sums([resampleable.cluster_sums])[0]
        for index, resampleable in enumerate(resampleables)
        if isinstance(resampleable, SumStatistics)
    }
    resamplers = {
        index: resampleable.make_resampler(cache)
        for index, resampleable in enumerate(resampleables)
        if isinstance(resampleable, RankingStatistics)
    }
    values: list[list[np.ndarray]] = [[] for _ in resampleables]
    for weights in weight_blocks:
        cache.clear()
        for index, totals in _weighted_totals(weights, sums_by_index):
            values[index].append(cast(SumStatistics, resampleables[index]).evaluate(totals))
        for index, resampler in resamplers.items():
            values[index].append(np.asarray(resampler(weights), np.float64))
    return [np.concatenate(blocks) for blocks in values]


def _weighted_totals(weights: np.ndarray, sums_by_index: Mapping[int, np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield `weights` @ each table of cluster sums; one product for as many tables as `MAX_BLOCK_ELEMENTS` allows."""
    remaining = list(sums_by_index.items())
    while remaining:
        column_ends = np.cumsum([table.shape[1] for _, table in remaining])
        n_tables = max(int(np.searchsorted(column_ends, MAX_BLOCK_ELEMENTS // len(weights), side="right")), 1)
        totals = weights @ np.concatenate([table for _, table in remaining[:n_tables]], axis=1)
        for (index, table), end in zip(remaining[:n_tables], column_ends, strict=False):
            yield index, totals[:, end - table.shape[1] : end]
        remaining = remaining[n_tables:]


def point_estimate(resampleable: Resampleable) -> float:
    """Compute the metric over all clusters, from the same rounded sums as its resamples."""
    weights = np.ones((1, len(resampleable.has_data)))
    if isinstance(resampleable, RankingStatistics):
        return float(resampleable.resampler(weights)[0])
    return float(evaluate_weights([weights], [resampleable])[0][0])


def percentile_interval(
    values: np.ndarray, n_clusters: int, confidence: float
) -> tuple[float, float] | tuple[None, None]:
    """Return the percentile interval of resampled values, or (None, None) if all of them are undefined (NaN).

    Args:
        values: float64 (resamples,); NaN values are left out.
        n_clusters: Number of clusters in the sample, at least 2.
        confidence: Confidence level, such as 0.95.
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return None, None
    probability = tail_probability(n_clusters, confidence)
    low, high = np.quantile(values, [probability, 1 - probability])
    return float(low), float(high)


def tail_probability(n_clusters: int, confidence: float) -> float:
    """Return the probability in each tail outside the expanded percentile interval: Φ(−√(n/(n−1))·t_{n−1}).

    The spread of resamples of n clusters is too small by √((n−1)/n), and plain quantiles ignore that the spread is
    itself estimated. For a hundred clusters or more the value is close to (1 − confidence) / 2.
    """
    t = stats.t.ppf((1 + confidence) / 2, n_clusters - 1)
    return float(stats.norm.cdf(-((n_clusters / (n_clusters - 1)) ** 0.5) * t))
