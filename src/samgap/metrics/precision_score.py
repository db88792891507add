"""Precision at IoU 0.5 at each score threshold: 0.05, 0.10 … 0.95.

TP / predictions over evaluable phrases, with the masks at or above the score threshold assigned anew. The values show
the effect of the operating point, which studies choose differently (0.15 and 0.5). Undefined (NaN) if no score reaches
the threshold. Not evaluable for spatial prompts, whose best mask counts at any score.
"""

from samgap.metrics.base import ratio
from samgap.metrics.columns import column_at_score
from samgap.metrics.operating_point import at_score
from samgap.metrics.reasons import no_phrase_reason, require_masks
from samgap.metrics.row_masks import is_evaluable_phrase

VARIANTS = (
    "05", "10", "15", "20", "25", "30", "35", "40", "45", "50", "55", "60", "65", "70", "75", "80", "85", "90", "95",
)  # fmt: skip

METRICS = {
    variant: ratio(
        column_at_score("sweep_tp", int(variant) / 100),
        column_at_score("sweep_predicted", int(variant) / 100),
        row_mask=is_evaluable_phrase,
        needs_exhaustive_labels=True,
        not_evaluable_reason=require_masks(no_phrase_reason),
        operating_point=at_score(int(variant) / 100),
        higher_is_better=True,
        label=f"Precision@50, score ≥ 0.{variant}",
        source="the usual definition",
    )
    for variant in VARIANTS
}
