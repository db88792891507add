"""What resampling needs of a metric, a cell and a stratum: values from weights of clusters, and what they rest on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from samgap.metrics import Metric, RankingMetric, Sampler, SharedCache, SufficientStatistics, load_metric
from samgap.statistics.clusters import Clustering


@dataclass(frozen=True)
class SampleSize:
    """What a value rests on. `holds`, bool (clusters,): is there anything of it in the cluster?"""

    has_data: np.ndarray
    n_images: int
    n_instances: int

    @property
    def n_clusters(self) -> int:
        return int(self.has_data.sum())


@dataclass(frozen=True)
class SumStatistics(SampleSize):
    """A metric made of sums: its terms in `table`, float64 (clusters, columns), however many pairs they come from."""

    metric: Metric
    cluster_sums: np.ndarray
    term_widths: dict[str, int | None]
    """How many columns each term has; None: it was flat."""

    def evaluate(self, totals: np.ndarray) -> np.ndarray:
        """The metric of each row of `totals`, sums of the table's rows (R, columns); float64 (R,)."""
        terms: SufficientStatistics = {}
        at = 0
        for name, width in self.term_widths.items():
            terms[name] = totals[:, at] if width is None else totals[:, at : at + width]
            at += 1 if width is None else width
        return np.asarray(self.metric.compute(terms), np.float64)


@dataclass(frozen=True)
class RankingStatistics(SampleSize):
    """A metric that ranks all predictions: it needs the rows themselves (of table `pairs`) and their clusters."""

    metric: RankingMetric
    pairs: pd.DataFrame
    cluster_codes: np.ndarray

    def sampler(self, cache: SharedCache | None = None) -> Sampler:
        return self.metric.sampler(self.pairs, self.cluster_codes, cache)

    def pooled_with(self, other: "RankingStatistics") -> Sampler:
        """The metric of both sides' rows in one pool, as a function of weights (R, 2 × clusters), these first."""
        rows = []
        for number, side in enumerate((self, other)):
            ids = {"prompt_id": f"{number} " + side.pairs["prompt_id"], "image_id": 2 * side.pairs["image_id"] + number}
            rows.append(side.pairs.assign(**ids))
        codes = np.concatenate([self.cluster_codes, other.cluster_codes + len(self.has_data)])
        return self.metric.sampler(pd.concat(rows, ignore_index=True), codes)


Resampleable = SumStatistics | RankingStatistics


def summarize_metric(metric_id: str, pairs: pd.DataFrame, clustering: Clustering) -> Resampleable | str:
    """What resampling needs of `metric` over `pairs` (table `pairs`), or `not evaluable: …` with the reason."""
    module = load_metric(metric_id)
    reason = module.not_evaluable_reason(pairs)
    if reason:
        return reason
    pairs = pairs[module.row_mask(pairs)]
    codes = clustering.cluster_codes(pairs["image_id"])
    holds = np.bincount(codes, minlength=clustering.count) > 0
    counts = (holds, pairs["image_id"].nunique(), int(pairs["n_truth"].sum()))
    if isinstance(module, RankingMetric):
        return RankingStatistics(*counts, module, pairs, codes)
    terms = module.sufficient_statistics(pairs)
    columns = {name: None if term.ndim == 1 else term.shape[1] for name, term in terms.items()}
    flat = [column for term in terms.values() for column in term.reshape(len(pairs), -1).T]
    table = np.stack([np.bincount(codes, weights=column, minlength=clustering.count) for column in flat], axis=1)
    return SumStatistics(*counts, module, table, columns)


def round_for_exact_sums(tables: Sequence[np.ndarray]) -> list[np.ndarray]:
    """`tables` (N, columns) with each column rounded so that no sum of N of its rows, repeated or not, is rounded.

    Its numbers become multiples of one power of two, at most 2^-51 of the largest such sum. So any order of summation
    gives the same bytes, whatever the BLAS and its threads; whole numbers are kept as they are.
    """
    largest = np.max([np.abs(table).max(axis=0) for table in tables], axis=0)
    _, exponent = np.frexp(largest * len(tables[0]))
    step = np.ldexp(1.0, exponent - 52)
    return [np.round(table / step) * step for table in tables]
