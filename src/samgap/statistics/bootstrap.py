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

from samgap.metrics import Shared
from samgap.statistics.sums import Part, Ranking, Sums, exact

BLOCK = 1 << 21
"""Numbers held at once for the draws: 16 MB, and as much again for what is made of them."""


def generator(seed: int, *names: str) -> np.random.Generator:
    """A random generator of its own for `names` (say the id of a data set), whatever is drawn before or after."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, "<u4").tolist()])


def draws(clusters: int, resamples: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each cluster is drawn, float64 (block, clusters), `resamples` rows in all; multinomial, even odds.

    Blocks are so long that they do not exceed `BLOCK`; the rows are the same for every length.
    """
    size = max(BLOCK // clusters, 1)
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        drawn = random.integers(0, clusters, size=(rows, clusters))
        drawn += np.arange(rows)[:, None] * clusters
        yield np.bincount(drawn.ravel(), minlength=rows * clusters).reshape(rows, clusters).astype(np.float64)


def resampled(parts: Sequence[Part], seed: int, dataset: str, resamples: int) -> list[np.ndarray]:
    """The value of each part in every resample of the data set's clusters, float64 (resamples,) each, NaN undefined."""
    if not parts:
        return []
    return over(draws(len(parts[0].holds), resamples, generator(seed, "resamples", dataset)), parts)


def over(weights: Iterable[np.ndarray], parts: Sequence[Part]) -> list[np.ndarray]:
    """The value of each part under each row of `weights` (blocks of (R, clusters), whole numbers that sum to at most
    the number of clusters); float64 (all R,) each."""
    shared: Shared = {}
    tables = {number: exact([part.table])[0] for number, part in enumerate(parts) if isinstance(part, Sums)}
    samplers = {number: part.sampler(shared) for number, part in enumerate(parts) if isinstance(part, Ranking)}
    found: list[list[np.ndarray]] = [[] for _ in parts]
    for block in weights:
        shared.clear()
        for number, totals in _totals(block, tables):
            found[number].append(cast(Sums, parts[number]).values(totals))
        for number, sampler in samplers.items():
            found[number].append(np.asarray(sampler(block), np.float64))
    return [np.concatenate(values) for values in found]


def _totals(block: np.ndarray, tables: Mapping[int, np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    """`block` @ each table: as many at once as fit into `BLOCK`."""
    waiting = list(tables.items())
    while waiting:
        width = np.cumsum([table.shape[1] for _, table in waiting])
        count = max(int(np.searchsorted(width, BLOCK // len(block), side="right")), 1)
        totals = block @ np.concatenate([table for _, table in waiting[:count]], axis=1)
        for (number, table), end in zip(waiting[:count], width, strict=False):
            yield number, totals[:, end - table.shape[1] : end]
        waiting = waiting[count:]


def whole(part: Part) -> float:
    """The metric over all clusters, from the same rounded sums as its resamples."""
    return float(over([np.ones((1, len(part.holds)))], [part])[0][0])


def interval(values: np.ndarray, clusters: int, confidence: float) -> tuple[float, float] | tuple[None, None]:
    """Both ends of the interval from values resampled of `clusters`, 2 or more; None where all are undefined (NaN).

    Resamples in which the value is undefined are left out.
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return None, None
    share = tail(clusters, confidence)
    low, high = np.quantile(values, [share, 1 - share])
    return float(low), float(high)


def tail(clusters: int, confidence: float) -> float:
    """The share of resampled values beyond either end: Φ(−√(n/(n−1))·t) with t of n − 1 degrees of freedom.

    Resamples of n clusters spread by √((n−1)/n) too little, and their plain quantiles forget that the spread itself is
    estimated; for n of a hundred and more it is all but (1 − confidence)/2.
    """
    t = stats.t.ppf((1 + confidence) / 2, clusters - 1)
    return float(stats.norm.cdf(-((clusters / (clusters - 1)) ** 0.5) * t))
