"""Open-vocabulary F1: F1 at IoU 0.5 of phrases that no training asked, beside those that one did.

`unseen` and `seen`: 2TP / (predicted + truth) over the phrases tagged so, present or absent, so that false positives
count; `gap`: F1_seen − F1_unseen. Source: the paper's "open-vocabulary F1" and generalisation gap; its published
repository counts no false positive (`upstream-open-vocabulary-f1`). Range 0 to 1, the gap −1 to 1 (0 is best). Not
evaluable where no such phrase is asked.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from samgap.metrics import SufficientStatistics, _pairs, f1_50

VARIANTS = ("unseen", "seen", "gap")


@dataclass(frozen=True)
class OpenVocabularyF1:
    seen_values: tuple[bool, ...]
    """Values of the tag `seen` that are needed; two: their difference."""
    UNIT: str = "fraction"
    RANGE: tuple[float, float] = (0.0, 1.0)
    BY_PHRASE: bool = False
    BY_INSTANCE: bool = False

    def row_mask(self, pairs: pd.DataFrame) -> np.ndarray:
        tags = pairs["seen"].isin(self.seen_values).to_numpy(bool)
        return _pairs.is_evaluable_phrase(pairs) & tags

    def not_evaluable_reason(self, pairs: pd.DataFrame) -> str | None:
        reason = _pairs.require_masks(_pairs.no_phrase_reason)(pairs)
        asked = pairs.loc[_pairs.is_evaluable_phrase(pairs), "seen"]
        for seen in self.seen_values:
            word = "seen" if seen else "unseen"
            reason = reason or (None if asked.isin([seen]).any() else f"not evaluable: no phrase is tagged as {word}")
        return reason

    def sufficient_statistics(self, pairs: pd.DataFrame) -> SufficientStatistics:
        tags = {f"{seen}": pairs["seen"].isin([seen]).to_numpy(bool) for seen in self.seen_values}
        sums = f1_50.sufficient_statistics(pairs)
        return {f"{tag} {name}": term * chosen for tag, chosen in tags.items() for name, term in sums.items()}

    def compute(self, sums: SufficientStatistics) -> np.ndarray:
        found = [f1_50.compute({name: sums[f"{seen} {name}"] for name in ("tp", "both")}) for seen in self.seen_values]
        return found[0] if len(found) == 1 else found[0] - found[1]


def variant(name: str) -> OpenVocabularyF1:
    if name == "gap":
        return OpenVocabularyF1((True, False), RANGE=(-1.0, 1.0))
    return OpenVocabularyF1((name == "seen",))
