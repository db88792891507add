"""Attribute accuracy: of the instances that a phrase of one attribute finds, how many have that attribute.

Phrases of the same nouns and attribute ("ripe apple", "unripe apple") compete for each instance: the one that finds
it (one to one, IoU 0.5) with the greatest score has claimed it. `attribute-accuracy`: rightly claimed / claimed;
`strict`: rightly claimed / all whose value is asked for; `found`: claimed / all. Source: the paper's "attribute
accuracy"; its published repository compares "unknown" with "unknown", which is 1 by construction
(`upstream-attribute-accuracy`). Range 0 to 1. Where the truth has boxes alone, boxes are matched. Not evaluable where
no phrase asks for a single labelled attribute. The whole table is `confusions.parquet` ([statistics](statistics.md)).
"""

from collections import Counter

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio

VARIANTS = ("", "strict", "found")


def has_single_attribute(pairs: pd.DataFrame) -> np.ndarray:
    single = [len(attributes) == 1 for attributes in _pairs.prompt_attributes(pairs)]
    return _pairs.is_evaluable_phrase(pairs) & np.array(single, bool)


def claim_counts(pairs: pd.DataFrame) -> np.ndarray:
    """Of each prompt's truth: all, claimed, rightly claimed; float64 (N, 3)."""
    found = np.zeros((len(pairs), 3))
    for row, wanted, counts in zip(
        found, _pairs.prompt_attributes(pairs), _pairs.list_column(pairs, "claimed"), strict=True
    ):
        values = dict(counts if counts is not None else ())
        (value,) = wanted.values()
        row[:] = sum(values.values()), sum(values.values()) - values.get("", 0), values.get(value, 0)
    return found


def confusion_matrix(pairs: pd.DataFrame, attribute: str) -> pd.DataFrame:
    """Instances by their true value (rows) and the value claimed for them (columns; "" is none)."""
    counts: Counter[tuple[str, str]] = Counter()
    rows = pairs[has_single_attribute(pairs)]
    for wanted, claimed in zip(_pairs.prompt_attributes(rows), _pairs.list_column(rows, "claimed"), strict=True):
        if attribute in wanted:
            counts.update({(wanted[attribute], value): number for value, number in dict(claimed or ()).items()})
    table = pd.Series(counts, dtype=np.int64).unstack(fill_value=0) if counts else pd.DataFrame()
    return table.rename_axis(index=attribute, columns="claimed")


def variant(name: str) -> _ratio.Ratio:
    part, whole = {"": (2, 1), "strict": (2, 0), "found": (1, 0)}[name]
    applies = _pairs.require_phrases(has_single_attribute, "no phrase asks for a single labelled attribute")
    return _ratio.Ratio(claim_count(part), claim_count(whole), has_single_attribute, applies)


def claim_count(index: int) -> _ratio.Column:
    return lambda pairs: claim_counts(pairs)[:, index]
