"""Compositional accuracy by the number of attributes in a phrase: 0 "apple", 1 "ripe apple", 2 "ripe red apple" …

Each annotated instance of the phrase's nouns is a decision: matched (one to one, IoU 0.5) or not, target or not. The
value is the share of correct decisions over images and phrases with that many attributes. If few instances are targets,
predicting nothing is mostly correct, so compare `f1-50` by phrase as well. Boxes are matched if the ground truth has
boxes only. Not evaluable without such a phrase.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import SumMetric, ratio
from samgap.metrics.columns import column, list_column, prompt_attributes
from samgap.metrics.operating_point import MATCH_50
from samgap.metrics.reasons import require_phrases
from samgap.metrics.row_masks import is_evaluable_phrase

VARIANTS = ("0", "1", "2", "3", "4")


def _accuracy_of_phrases(n_attributes: int) -> SumMetric:
    def row_mask(pairs: pd.DataFrame) -> np.ndarray:
        counts = np.array([len(attributes) for attributes in prompt_attributes(pairs)], np.int64)
        has_nouns = np.array([nouns is not None for nouns in list_column(pairs, "nouns")], bool)
        return is_evaluable_phrase(pairs) & has_nouns & (counts == n_attributes)

    return ratio(
        column("n_decided"),
        column("n_candidates"),
        row_mask=row_mask,
        not_evaluable_reason=require_phrases(row_mask, f"no phrase names {n_attributes} labelled attributes"),
        operating_point=MATCH_50,
        higher_is_better=True,
        label=f"Compositional accuracy, {n_attributes} attribute{'' if n_attributes == 1 else 's'}",
        source="the compositional experiment of the paper's published repository, which has no code for it",
    )


METRICS = {variant: _accuracy_of_phrases(int(variant)) for variant in VARIANTS}
