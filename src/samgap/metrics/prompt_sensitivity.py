"""Prompt sensitivity: the effect of the wording of a phrase, over paraphrases of one concept.

pmF1 of each paraphrase of a concept over all images; `prompt-sensitivity-mean`, `-worst` and `-sd` (population standard
deviation) of these values, then the mean over concepts. `-agreement`: IoU of the union of the masks of one paraphrase
with that of another, 1 if both are empty, mean over images and pairs of paraphrases. Not evaluable without a concept
that has two paraphrases.
"""

import functools
from collections.abc import Callable
from typing import Unpack

import numpy as np
import pandas as pd

from samgap.metrics import pmf1
from samgap.metrics.base import (
    Description,
    RankedMetric,
    Resampler,
    SharedCache,
    SufficientStatistics,
    ratio,
    set_fields,
)
from samgap.metrics.columns import column
from samgap.metrics.operating_point import MATCH_ALL, NO_MATCH
from samgap.metrics.reasons import require_masks, require_phrases
from samgap.metrics.row_masks import is_evaluable_phrase, is_positive

VARIANTS = ("mean", "worst", "sd", "agreement")
NO_PARAPHRASE = "no concept has two phrases"
SOURCE = "the paper's perturbation study; pmF1 as in sam3's evaluator"

Summary = Callable[[np.ma.MaskedArray], np.ma.MaskedArray]
"""From pmF1 of the paraphrases of a concept, (paraphrases, R), to one value per resample, (R,)."""


def has_paraphrases(pairs: pd.DataFrame) -> np.ndarray:
    """Select evaluable phrases of concepts with two or more paraphrases, bool (N,)."""
    n_phrases = pairs.groupby("concept")["phrase"].transform("nunique").fillna(0).to_numpy()
    return is_evaluable_phrase(pairs) & (n_phrases > 1)


def is_present_paraphrase(pairs: pd.DataFrame) -> np.ndarray:
    """Select phrases with paraphrases that are present in their image, bool (N,)."""
    return has_paraphrases(pairs) & is_positive(pairs)


def sensitivity(summarize: Summary, **description: Unpack[Description]) -> RankedMetric:
    """Build the mean over concepts of a summary of the paraphrases' pmF1."""

    def make_resampler(pairs: pd.DataFrame, clusters: np.ndarray, cache: SharedCache | None = None) -> Resampler:
        n_clusters = int(clusters.max()) + 1
        concepts = _sums_by_concept(pairs, clusters, n_clusters)

        def resample(weights: np.ndarray) -> np.ndarray:
            values = []
            for paraphrases in concepts:
                scores = np.ma.masked_invalid(
                    [pmf1.compute(_weight_sums(weights[:, :n_clusters], sums)) for sums in paraphrases]
                )
                # A resample without instances of a paraphrase leaves it out; fewer than two leave out the concept.
                values.append(np.ma.masked_where(scores.count(axis=0) < 2, summarize(scores)))
            return np.ma.array(values).mean(axis=0).filled(np.nan)

        return resample

    return RankedMetric(
        make_resampler=make_resampler,
        carries_value=is_positive,
        row_mask=is_present_paraphrase,
        not_evaluable_reason=require_masks(require_phrases(is_present_paraphrase, NO_PARAPHRASE)),
        by_phrase=False,
        **set_fields(description, operating_point=MATCH_ALL),
    )


def _sums_by_concept(pairs: pd.DataFrame, clusters: np.ndarray, n_clusters: int) -> list[list[SufficientStatistics]]:
    """Sum the statistics of pmF1 over the rows of each cluster, for each paraphrase of each concept."""
    concepts: dict[str, list[SufficientStatistics]] = {}
    for (concept, _), rows in pairs.reset_index(drop=True).groupby(["concept", "phrase"], sort=True):
        sums = {}
        for name, statistic in pmf1.sufficient_statistics(rows).items():
            sums[name] = np.zeros((n_clusters, *statistic.shape[1:]))
            np.add.at(sums[name], clusters[rows.index], statistic)
        concepts.setdefault(str(concept), []).append(sums)
    return list(concepts.values())


def _weight_sums(weights: np.ndarray, sums: SufficientStatistics) -> SufficientStatistics:
    return {name: np.einsum("rc,c...->r...", weights, cluster_sums) for name, cluster_sums in sums.items()}


_sensitivity_of_pmf1 = functools.partial(sensitivity, needs_exhaustive_labels=True, source=SOURCE)

METRICS = {
    "mean": _sensitivity_of_pmf1(
        lambda scores: scores.mean(axis=0), higher_is_better=True, label="pmF1, mean of paraphrases"
    ),
    "worst": _sensitivity_of_pmf1(
        lambda scores: scores.min(axis=0), higher_is_better=True, label="pmF1, worst paraphrase", is_biased=True
    ),
    "sd": _sensitivity_of_pmf1(
        lambda scores: scores.std(axis=0),
        label="pmF1, SD of paraphrases",
        higher_is_better=False,
        is_biased=True,
        is_spread=True,
    ),
    "agreement": ratio(
        column("sum_agreement"),
        column("n_paraphrases"),
        row_mask=has_paraphrases,
        not_evaluable_reason=require_phrases(has_paraphrases, NO_PARAPHRASE),
        by_phrase=False,
        operating_point=NO_MATCH,
        higher_is_better=True,
        label="IoU between paraphrases",
        source=SOURCE,
    ),
}
