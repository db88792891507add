"""Semantic grounding error, in both definitions of the paper, which differ.

- `grounding-error-box` (Table 4 of the paper): ‖B_pred − B_concept‖₁, the sum of the distances of the four edges, x in
  units of the image's width and y of its height, mean over the matched instances of phrases. It leaves out instances
  without an assigned prediction, so compare the recall as well.
- `grounding-error-off-concept` (§6.2): the share of a predicted mask outside the prompted instances, mean over the
  masks of evaluable phrases; it is 1 for a mask of an absent phrase.

Undefined (NaN) without an assigned prediction, or without a prediction. Not evaluable for spatial prompts, which name
no concept.
"""

from samgap.metrics.base import ratio
from samgap.metrics.columns import column
from samgap.metrics.operating_point import ASSIGNMENT, NO_MATCH
from samgap.metrics.reasons import no_phrase_reason, require_masks
from samgap.metrics.row_masks import is_evaluable_phrase, is_present_phrase

VARIANTS = ("box", "off-concept")

METRICS = {
    "box": ratio(
        column("sum_box_error"),
        column("n_answered"),
        row_mask=is_present_phrase,
        not_evaluable_reason=no_phrase_reason,
        by_instance=True,
        operating_point=ASSIGNMENT,
        label="Grounding error, box (L1)",
        source="the paper",
        value_range=(0.0, 4.0),
        higher_is_better=False,
    ),
    "off-concept": ratio(
        column("sum_off"),
        column("n_predicted"),
        row_mask=is_evaluable_phrase,
        not_evaluable_reason=require_masks(no_phrase_reason),
        needs_exhaustive_labels=True,
        operating_point=NO_MATCH,
        label="Grounding error, off-concept",
        source="the paper",
        higher_is_better=False,
    ),
}
