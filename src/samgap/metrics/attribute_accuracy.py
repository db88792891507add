"""Attribute accuracy: the share of the instances matched by a phrase with one attribute that have this attribute.

Phrases with the same nouns and attribute ("ripe apple", "unripe apple") compete for each instance: it is assigned to
the phrase that matches it (one to one, IoU 0.5) with the highest score. If k values have this score, the instance
counts 1/k for each, the expected count of a random choice: equal scores decide nothing. `attribute-accuracy`:
correctly assigned / assigned. `attribute-accuracy-strict`: correctly assigned / all instances of a prompted value.
`attribute-accuracy-found`: assigned / all. (The paper's published repository compares "unknown" with "unknown", which
is always 1: `upstream-attribute-accuracy`.) Boxes are matched if the ground truth has boxes only. Not evaluable without
a phrase for a single annotated attribute. The whole confusion matrix is in `confusions.parquet`
([statistics](statistics.md)).
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import Column, ratio
from samgap.metrics.columns import list_column, prompt_attributes
from samgap.metrics.operating_point import MATCH_50
from samgap.metrics.reasons import require_phrases
from samgap.metrics.row_masks import is_evaluable_phrase

VARIANTS = ("", "strict", "found")


def has_single_attribute(pairs: pd.DataFrame) -> np.ndarray:
    """Select evaluable phrases with exactly one attribute, bool (N,)."""
    is_single = [len(attributes) == 1 for attributes in prompt_attributes(pairs)]
    return is_evaluable_phrase(pairs) & np.array(is_single, bool)


def count_assignments(pairs: pd.DataFrame) -> np.ndarray:
    """Count each prompt's instances: all, assigned to a value, assigned to the right value; float64 (N, 3)."""
    counts = np.zeros((len(pairs), 3))
    for row, attributes, claimed in zip(counts, prompt_attributes(pairs), list_column(pairs, "claimed"), strict=True):
        count_by_value = dict(claimed if claimed is not None else ())
        (value,) = attributes.values()
        # Instances are whole; the shares of k equal best scores add up to 1 only up to rounding.
        n_instances = round(sum(count_by_value.values()))
        row[:] = n_instances, n_instances - count_by_value.get("", 0), count_by_value.get(value, 0)
    return counts


def _assignment_count(index: int) -> Column:
    return lambda pairs: count_assignments(pairs)[:, index]


_all, _assigned, _correct = (_assignment_count(index) for index in range(3))
_RATIOS = {
    "": (_correct, _assigned, "Attribute accuracy"),
    "strict": (_correct, _all, "Attribute accuracy, strict"),
    "found": (_assigned, _all, "Attribute assignment rate"),
}

METRICS = {
    variant: ratio(
        numerator,
        denominator,
        row_mask=has_single_attribute,
        not_evaluable_reason=require_phrases(has_single_attribute, "no phrase has exactly one labelled attribute"),
        operating_point=MATCH_50,
        higher_is_better=True,
        label=label,
        source='the paper\'s "attribute accuracy"',
    )
    for variant, (numerator, denominator, label) in _RATIOS.items()
}
