"""Concept recall: the share of the instances of a named concept that are matched at IoU 0.5.

TP / (TP + FN) over phrases that are present in their image; matching is one to one. (The paper's published repository
lets one prediction match several instances.) Not evaluable for spatial prompts, which name no concept.
"""

from samgap.metrics.base import ratio
from samgap.metrics.columns import column, true_positives_at
from samgap.metrics.operating_point import MATCH_50
from samgap.metrics.reasons import no_phrase_reason, require_masks
from samgap.metrics.row_masks import is_present_phrase

METRICS = {
    "": ratio(
        true_positives_at(0.5),
        column("n_truth"),
        row_mask=is_present_phrase,
        not_evaluable_reason=require_masks(no_phrase_reason),
        by_instance=True,
        operating_point=MATCH_50,
        higher_is_better=True,
        label="Concept recall@50",
        source='the paper\'s "concept recall"',
    )
}
