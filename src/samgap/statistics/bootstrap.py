"""Confidence intervals by resampling clusters: the percentile interval (Efron & Tibshirani 1993), expanded for few
clusters (Hesterberg, What teachers should know about the bootstrap, The American Statistician 69, 2015).

Pairs of one image share its light, its trees and its labeller, so whole images (or larger groups) are drawn. All cells
of a data set share the draws: in each resample the same images are in, so that differences are paired.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

import numpy as np
from scipy import stats

from samgap.metrics import SharedCache
from samgap.statistics.sums import RankingStatistics, Resampleable, SumStatistics, round_for_exact_sums

MAX_BLOCK_ELEMENTS = 1 << 21
"""Numbers held at once for the draws: 16 MB, and as much again for what is made of them."""


def seeded_generator(seed: int, *names: str) -> np.random.Generator:
    """A random generator of its own for `names` (say the id of a data set), whatever is drawn before or after."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, "<u4").tolist()])


def draw_counts(n_clusters: int, n_resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each cluster is drawn, float64 (block, clusters), `resamples` rows in all; multinomial, even odds.

    Blocks are so long that they do not exceed `BLOCK`; the rows are the same for every length.
    """
    size = max(MAX_BLOCK_ELEMENTS // n_clusters, 1)
    for start in range(0, n_resamples, size):
        rows = min(size, n_resamples - start)
        drawn = rng.integers(0, n_clusters, size=(rows, n_clusters))
        drawn += np.arange(rows)[:, None] * n_clusters
        yield np.bincount(drawn.ravel(), minlength=rows * n_clusters).reshape(rows, n_clusters).astype(np.float64)


def resample(resampleables: Sequence[Resampleable], seed: int, dataset: str, n_resamples: int) -> list[np.ndarray]:
    """The value of each part in every resample of the data set's clusters, float64 (resamples,) each, NaN undefined."""
    if not resampleables:
        return []
    return evaluate_weights(
        draw_counts(len(resampleables[0].has_data), n_resamples, seeded_generator(seed, "resamples", dataset)),
        resampleables,
    )


def evaluate_weights(weight_blocks: Iterable[np.ndarray], resampleables: Sequence[Resampleable]) -> list[np.ndarray]:
    """The value of each part under each row of `weights` (blocks of (R, clusters), whole numbers that sum to at most
    the number of clusters); float64 (all R,) each."""
    shared: SharedCache = {}
    tables = {
        number: round_for_exact_sums([part.cluster_sums])[0]
        for number, part in enumerate(resampleables)
        if isinstance(part, SumStatistics)
    }
    samplers = {
        number: part.sampler(shared) for number, part in enumerate(resampleables) if isinstance(part, RankingStatistics)
    }
    found: list[list[np.ndarray]] = [[] for _ in resampleables]
    for block in weight_blocks:
        shared.clear()
        for number, totals in _weighted_totals(block, tables):
            found[number].append(cast(SumStatistics, resampleables[number]).evaluate(totals))
        for number, sampler in samplers.items():
            found[number].append(np.asarray(sampler(block), np.float64))
    return [np.concatenate(values) for values in found]


def _weighted_totals(block: np.ndarray, cluster_sums: Mapping[int, np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    """`block` @ each table: as many at once as fit into `BLOCK`."""
    waiting = list(cluster_sums.items())
    while waiting:
        width = np.cumsum([table.shape[1] for _, table in waiting])
        count = max(int(np.searchsorted(width, MAX_BLOCK_ELEMENTS // len(block), side="right")), 1)
        totals = block @ np.concatenate([table for _, table in waiting[:count]], axis=1)
        for (number, table), end in zip(waiting[:count], width, strict=False):
            yield number, totals[:, end - table.shape[1] : end]
        waiting = waiting[count:]


def point_estimate(resampleable: Resampleable) -> float:
    """The metric over all clusters, from the same rounded sums as its resamples."""
    return float(evaluate_weights([np.ones((1, len(resampleable.has_data)))], [resampleable])[0][0])


def percentile_interval(
    values: np.ndarray, n_clusters: int, confidence: float
) -> tuple[float, float] | tuple[None, None]:
    """Both ends of the interval from values resampled of `clusters`, 2 or more; None where all are undefined (NaN).

    Resamples in which the value is undefined are left out.
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return None, None
    share = tail_probability(n_clusters, confidence)
    low, high = np.quantile(values, [share, 1 - share])
    return float(low), float(high)


def tail_probability(n_clusters: int, confidence: float) -> float:
    """The share of resampled values beyond either end: Φ(−√(n/(n−1))·t) with t of n − 1 degrees of freedom.

    Resamples of n clusters spread by √((n−1)/n) too little, and their plain quantiles forget that the spread itself is
    estimated; for n of a hundred and more it is all but (1 − confidence)/2.
    """
    t = stats.t.ppf((1 + confidence) / 2, n_clusters - 1)
    return float(stats.norm.cdf(-((n_clusters / (n_clusters - 1)) ** 0.5) * t))
