"""Why a metric is not evaluable on table `pairs`: functions that return the reason, or None if it is evaluable."""

import numpy as np
import pandas as pd

from samgap.metrics.base import Column, Reason
from samgap.metrics.row_masks import (
    has_lost_labels,
    has_property,
    is_absent_phrase,
    is_evaluable,
    is_evaluable_phrase,
    is_positive,
)

# These texts are written to the column `note` of table `estimates`.
NO_GROUND_TRUTH = "not evaluable: the labels do not determine the correct prediction"
LOST_LABELS = "not evaluable: every image lost labels of the phrases"
NO_INSTANCE = "not evaluable: no labelled instance is prompted"
NO_PHRASE = "not evaluable: spatial prompts name no concept"
NO_MASK = "not evaluable: the ground truth has boxes only"
NO_CLICK = "not evaluable: no prompt was corrected by clicks"
NO_NEGATIVE = "not evaluable: no phrase is absent from its image"
NO_KNOWN_NEGATIVE = "not evaluable: each phrase without an instance in its image has an ignored one there"


def no_ground_truth_reason(pairs: pd.DataFrame) -> str | None:
    """Return the reason if no prompt has annotated ground truth."""
    if is_evaluable(pairs).any():
        return None
    has_lost = has_lost_labels(pairs) & has_property(pairs, "names_concept")
    return LOST_LABELS if has_lost.any() else NO_GROUND_TRUTH


def no_instance_reason(pairs: pd.DataFrame) -> str | None:
    """Return the reason if no evaluable prompt has an instance."""
    return no_ground_truth_reason(pairs) or (None if is_positive(pairs).any() else NO_INSTANCE)


def no_phrase_reason(pairs: pd.DataFrame) -> str | None:
    """Return the reason if no phrase is present in its image."""
    phrases = is_text_prompt(pairs)
    return NO_PHRASE if len(pairs) and not phrases.any() else no_instance_reason(pairs[phrases])


def no_negative_reason(pairs: pd.DataFrame) -> str | None:
    """Return the reason if no phrase is present in its image, or none is absent."""
    return no_phrase_reason(pairs) or no_absent_phrase_reason(pairs)


def no_absent_phrase_reason(pairs: pd.DataFrame) -> str | None:
    """Return the reason if no evaluable phrase is known to be absent from its image."""
    if is_absent_phrase(pairs).any():
        return None
    return NO_KNOWN_NEGATIVE if (is_evaluable_phrase(pairs) & ~is_positive(pairs)).any() else NO_NEGATIVE


def is_text_prompt(pairs: pd.DataFrame) -> np.ndarray:
    """Select noun phrases, and texts for things that are not annotated, bool (N,)."""
    return has_property(pairs, "takes_phrase")


def require_masks(base_reason: Reason) -> Reason:
    """Extend a reason: metrics of masks also need masks, not only boxes, in the ground truth of every prompt."""

    def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
        boxes = is_evaluable(pairs) & pairs["boxes_only"].to_numpy(bool)
        return base_reason(pairs) or (NO_MASK if boxes.any() else None)

    return not_evaluable_reason


def require_phrases(row_mask: Column, missing_reason: str) -> Reason:
    """Build a reason for metrics of certain phrases: `missing_reason` if `row_mask` selects no row."""

    def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
        reason = no_phrase_reason(pairs)
        return reason or (None if row_mask(pairs).any() else f"not evaluable: {missing_reason}")

    return not_evaluable_reason
