"""Confidence intervals by resampling images (Efron & Tibshirani 1993, the percentile interval).

Pairs of one image share its light, its trees and its labeller, so whole images (or larger groups) are drawn.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np
import pandas as pd

from samgap.metrics import Terms

BLOCK = 1 << 22
"""Numbers drawn at once: 32 MB."""


def generator(seed: int, *names: str) -> np.random.Generator:
    """A random generator of its own for `names` (say the ids of a cell), whatever else is drawn before or after."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, "<u4").tolist()])


def interval(
    terms: Terms,
    clusters: Sequence[Hashable] | np.ndarray,
    value: Callable[[Terms], np.ndarray],
    *,
    resamples: int,
    confidence: float,
    random: np.random.Generator,
) -> tuple[float, float, float]:
    """The value and both ends of its percentile interval, from terms per row, (N,) or (N, K), N at least 1.

    `clusters` (N,) names what is drawn as one: images, or groups of them. Resamples in which the value is undefined
    are left out; where all are, the ends are NaN. With a single cluster, or clusters that agree, the interval is
    the value itself: it says nothing of what other images would give.
    """
    sums, shape = by_cluster(terms, clusters)
    point = float(value(_unpack(sums.sum(axis=0, keepdims=True), shape))[0])
    drawn = [value(_unpack(weighted(block, sums), shape)) for block in weights(len(sums), resamples, random)]
    values = np.concatenate(drawn)
    values = values[~np.isnan(values)]
    if not len(values):
        return point, float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return point, float(low), float(high)


def by_cluster(terms: Terms, clusters: Sequence[Hashable] | np.ndarray) -> tuple[np.ndarray, dict[str, int | None]]:
    """Terms summed by cluster, float64 (clusters, columns), sorted; and each term's columns (None: it was flat)."""
    codes, names = pd.factorize(np.asarray(clusters), sort=True)
    columns = [term.reshape(len(codes), -1) for term in terms.values()]
    flat = np.concatenate(columns, axis=1).astype(np.float64)
    sums = np.zeros((len(names), flat.shape[1]))
    np.add.at(sums, codes, flat)
    return sums, {name: None if term.ndim == 1 else term.shape[1] for name, term in terms.items()}


def weights(clusters: int, resamples: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each cluster is drawn, float64 (block, clusters), `resamples` rows in all; multinomial, even odds."""
    size = max(BLOCK // clusters, 1)
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        drawn = random.integers(0, clusters, size=(rows, clusters))
        drawn += np.arange(rows)[:, None] * clusters
        yield np.bincount(drawn.ravel(), minlength=rows * clusters).reshape(rows, clusters).astype(np.float64)


def weighted(weights: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """weights @ sums; not by BLAS, whose order of summation changes with the number of threads."""
    return np.einsum("bn,nt->bt", weights, sums)


def _unpack(sums: np.ndarray, shape: dict[str, int | None]) -> Terms:
    terms, at = {}, 0
    for name, columns in shape.items():
        terms[name] = sums[:, at] if columns is None else sums[:, at : at + columns]
        at += columns or 1
    return terms
