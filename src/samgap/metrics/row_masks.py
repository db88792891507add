"""Which rows of table `pairs` a metric counts. None of these masks depends on the predictions."""

import numpy as np
import pandas as pd

from samgap.prompts.kinds import RowProperty, select_row_kinds


def is_evaluable(pairs: pd.DataFrame) -> np.ndarray:
    """Select prompts whose ground truth is annotated, bool (N,)."""
    return pairs["evaluable"].to_numpy(bool)


def has_lost_labels(pairs: pd.DataFrame) -> np.ndarray:
    """Select phrases on images of which labels that the phrase depends on could not be used, bool (N,)."""
    return pairs["lost_labels"].eq(True).to_numpy(bool)


def has_property(pairs: pd.DataFrame, property: RowProperty) -> np.ndarray:
    """Select prompts whose row kind has a property, bool (N,)."""
    return pairs["kind"].isin(select_row_kinds(pairs["kind"].unique(), property)).to_numpy(bool)


def is_positive(pairs: pd.DataFrame) -> np.ndarray:
    """Select evaluable prompts with at least one instance, bool (N,)."""
    return is_evaluable(pairs) & (pairs["n_truth"].to_numpy() > 0)


def is_evaluable_phrase(pairs: pd.DataFrame) -> np.ndarray:
    """Select evaluable noun phrases, present in their image or absent, bool (N,)."""
    return is_evaluable(pairs) & has_property(pairs, "names_concept")


def is_present_phrase(pairs: pd.DataFrame) -> np.ndarray:
    """Select evaluable noun phrases with at least one instance in their image, bool (N,)."""
    return is_evaluable_phrase(pairs) & is_positive(pairs)


def has_known_presence(pairs: pd.DataFrame) -> np.ndarray:
    """Select evaluable noun phrases that the labels say to be present in or absent from their image, bool (N,).

    In an image whose only instances of a noun are marked `ignore`, neither is known. This is the rule of
    `annotations.phrases.is_presence_known`, which decides one phrase on one image from the labels; here it is computed
    for all rows from their counts.
    """
    return is_evaluable_phrase(pairs) & (is_positive(pairs) | (pairs["n_ignored"].to_numpy() == 0))


def is_absent_phrase(pairs: pd.DataFrame) -> np.ndarray:
    """Select evaluable noun phrases known to be absent from their image, bool (N,)."""
    return has_known_presence(pairs) & ~is_positive(pairs)
