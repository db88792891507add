"""Confidence intervals by resampling clusters: the percentile interval (Efron & Tibshirani 1993), expanded for few
clusters (Hesterberg, What teachers should know about the bootstrap, The American Statistician 69, 2015).

Pairs of one image share its light, its trees and its labeller, so whole images (or larger groups) are drawn. All cells
of a data set share the draws: in each resample the same images are in, so that differences are paired.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

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


def draws(clusters: int, resamples: int, random: np.random.Generator, width: int = 1) -> Iterator[np.ndarray]:
    """How often each cluster is drawn, float64 (block, clusters), `resamples` rows in all; multinomial, even odds.

    Blocks are so long that neither they nor as many rows of `width` numbers exceed `BLOCK`; the rows are the same
    for every length.
    """
    size = max(BLOCK // max(clusters, width), 1)
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        drawn = random.integers(0, clusters, size=(rows, clusters))
        drawn += np.arange(rows)[:, None] * clusters
        yield np.bincount(drawn.ravel(), minlength=rows * clusters).reshape(rows, clusters).astype(np.float64)


def resampled(parts: Sequence[Part], seed: int, dataset: str, resamples: int) -> list[np.ndarray]:
    """The value of each part in every resample of the data set's clusters, float64 (resamples,) each, NaN undefined."""
    if not parts:
        return []
    width = sum(part.table.shape[1] for part in parts if isinstance(part, Sums))
    random = generator(seed, "resamples", dataset)
    return over(draws(len(parts[0].holds), resamples, random, width), parts)


def over(weights: Iterable[np.ndarray], parts: Sequence[Part]) -> list[np.ndarray]:
    """The value of each part under each row of `weights` (blocks of (R, clusters), whole numbers that sum to at most
    the number of clusters); float64 (all R,) each."""
    tables = [exact([part.table])[0] for part in parts if isinstance(part, Sums)]
    table = np.concatenate(tables, axis=1) if tables else np.zeros((len(parts[0].holds), 0))
    shared: Shared = {}
    samplers = {number: part.sampler(shared) for number, part in enumerate(parts) if isinstance(part, Ranking)}
    found: list[list[np.ndarray]] = [[] for _ in parts]
    for block in weights:
        totals, at = block @ table, 0
        shared.clear()
        for number, part in enumerate(parts):
            if isinstance(part, Sums):
                width = part.table.shape[1]
                found[number].append(part.values(totals[:, at : at + width]))
                at += width
            else:
                found[number].append(np.asarray(samplers[number](block), np.float64))
    return [np.concatenate(values) for values in found]


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
