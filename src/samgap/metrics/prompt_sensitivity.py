"""Prompt sensitivity: what the wording of a phrase does, over paraphrases that ask for the same.

pmF1 of each paraphrase of a concept over all images; `mean`, `worst` and `sd` (of the population) of them, mean over
concepts. `agreement`: the IoU of all masks of one paraphrase together with those of another, mean over images and
pairs of paraphrases (none against none is 1). Source: the paper's perturbation study; pmF1 as in sam3's evaluator.
Range 0 to 1; of `sd`, lower is better. Not evaluable where no concept is asked for in two ways.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from samgap.metrics import Sampler, SharedCache, SufficientStatistics, _pairs, _ratio, pmf1

VARIANTS = ("mean", "worst", "sd", "agreement")
NO_PARAPHRASE = "no concept is asked for in two ways"


def has_paraphrases(pairs: pd.DataFrame) -> np.ndarray:
    """Phrases of concepts that have two or more."""
    ways = pairs.groupby("concept")["phrase"].transform("nunique").fillna(0).to_numpy()
    return _pairs.is_evaluable_phrase(pairs) & (ways > 1)


def is_present_paraphrase(pairs: pd.DataFrame) -> np.ndarray:
    return has_paraphrases(pairs) & _pairs.is_positive(pairs)


@dataclass(frozen=True)
class PromptSensitivity:
    statistic: str
    UNIT: str = "fraction"
    RANGE: tuple[float, float] = (0.0, 1.0)
    BY_PHRASE: bool = False
    BY_INSTANCE: bool = False

    def summarize(self, scores: np.ma.MaskedArray) -> np.ma.MaskedArray:
        """Of paraphrases (P, R): (R,)."""
        if self.statistic == "mean":
            return scores.mean(axis=0)
        return scores.min(axis=0) if self.statistic == "worst" else scores.std(axis=0)

    def row_mask(self, pairs: pd.DataFrame) -> np.ndarray:
        return is_present_paraphrase(pairs)

    def not_evaluable_reason(self, pairs: pd.DataFrame) -> str | None:
        return _pairs.require_masks(_pairs.require_phrases(is_present_paraphrase, NO_PARAPHRASE))(pairs)

    def sampler(self, pairs: pd.DataFrame, clusters: np.ndarray, shared: SharedCache | None = None) -> Sampler:
        count = int(clusters.max()) + 1
        concepts: dict[str, list[SufficientStatistics]] = {}
        for (concept, _), rows in pairs.reset_index(drop=True).groupby(["concept", "phrase"], sort=True):
            sums = {}
            for name, term in pmf1.sufficient_statistics(rows).items():
                sums[name] = np.zeros((count, *term.shape[1:]))
                np.add.at(sums[name], clusters[rows.index], term)
            concepts.setdefault(str(concept), []).append(sums)

        def values(weights: np.ndarray) -> np.ndarray:
            found = []
            for phrases in concepts.values():
                each = [pmf1.compute(_weight_sums(weights[:, :count], sums)) for sums in phrases]
                found.append(np.ma.masked_invalid(each))
            # A paraphrase without truth in a resample is not there, nor a concept with fewer than two.
            concepts_of = [np.ma.masked_where(each.count(axis=0) < 2, self.summarize(each)) for each in found]
            return np.ma.array(concepts_of).mean(axis=0).filled(np.nan)

        return values


def _weight_sums(weights: np.ndarray, sums: SufficientStatistics) -> SufficientStatistics:
    return {name: np.einsum("rc,c...->r...", weights, each) for name, each in sums.items()}


def variant(name: str) -> PromptSensitivity | _ratio.Ratio:
    if name == "agreement":
        parts = _ratio.column("sum_agreement"), _ratio.column("n_paraphrases")
        return _ratio.Ratio(
            *parts, has_paraphrases, _pairs.require_phrases(has_paraphrases, NO_PARAPHRASE), BY_PHRASE=False
        )
    return PromptSensitivity(name)
