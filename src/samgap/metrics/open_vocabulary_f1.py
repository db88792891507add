"""Open-vocabulary F1: F1 at IoU 0.5 of phrases that no training used, compared with phrases that training used.

`open-vocabulary-f1-unseen` and `-seen`: 2TP / (predictions + instances) over the phrases with this tag, present or
absent, so that false positives count. `-gap`: F1_seen − F1_unseen; 0 is best. (The paper's published repository counts
no false positives: `upstream-open-vocabulary-f1`.) Not evaluable without such a phrase.
"""

from typing import Unpack

import numpy as np
import pandas as pd

from samgap.metrics import f1_50
from samgap.metrics.base import Description, SufficientStatistics, SumMetric, set_fields
from samgap.metrics.operating_point import MATCH_50
from samgap.metrics.reasons import no_phrase_reason, require_masks
from samgap.metrics.row_masks import is_evaluable_phrase

VARIANTS = ("unseen", "seen", "gap")
SOURCE = 'the paper\'s "open-vocabulary F1" and generalisation gap'

_f1 = f1_50.METRICS[""]


def f1_of_tags(seen_values: tuple[bool, ...], **description: Unpack[Description]) -> SumMetric:
    """Build the F1 of phrases with one value of the tag `seen`, or the difference of two such F1."""

    def row_mask(pairs: pd.DataFrame) -> np.ndarray:
        return is_evaluable_phrase(pairs) & pairs["seen"].isin(seen_values).to_numpy(bool)

    def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
        reason = require_masks(no_phrase_reason)(pairs)
        tags = pairs.loc[is_evaluable_phrase(pairs), "seen"]
        for seen in seen_values:
            word = "seen" if seen else "unseen"
            reason = reason or (None if tags.isin([seen]).any() else f"not evaluable: no phrase is tagged as {word}")
        return reason

    def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
        is_tagged = {seen: pairs["seen"].isin([seen]).to_numpy(bool) for seen in seen_values}
        statistics = _f1.sufficient_statistics(pairs)
        return {
            f"{seen} {name}": column * selected
            for seen, selected in is_tagged.items()
            for name, column in statistics.items()
        }

    def compute(sums: SufficientStatistics) -> np.ndarray:
        values = [
            _f1.compute({name: sums[f"{seen} {name}"] for name in ("numerator", "denominator")}) for seen in seen_values
        ]
        return values[0] if len(values) == 1 else values[0] - values[1]

    return SumMetric(
        sufficient_statistics=sufficient_statistics,
        compute=compute,
        row_mask=row_mask,
        not_evaluable_reason=not_evaluable_reason,
        by_phrase=False,
        **set_fields(description, operating_point=MATCH_50),
    )


METRICS = {
    "unseen": f1_of_tags(
        (False,), higher_is_better=True, needs_exhaustive_labels=True, label="F1@50, unseen phrases", source=SOURCE
    ),
    "seen": f1_of_tags(
        (True,), higher_is_better=True, needs_exhaustive_labels=True, label="F1@50, seen phrases", source=SOURCE
    ),
    "gap": f1_of_tags(
        (True, False),
        needs_exhaustive_labels=True,
        label="F1@50 gap, seen − unseen",
        source=SOURCE,
        value_range=(-1.0, 1.0),
        higher_is_better=None,
    ),
}
