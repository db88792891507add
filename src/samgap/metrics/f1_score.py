"""F1 at IoU 0.5 at each score threshold: 0.05, 0.10 … 0.95.

2TP / (predictions + instances) over evaluable phrases, with the masks at or above the score threshold assigned anew.
The values show the effect of the operating point, which studies choose differently (0.15 and 0.5). Undefined (NaN) if
there are neither instances nor predictions. Not evaluable for spatial prompts, whose best mask counts at any score.
"""

from samgap.metrics.base import ratio
from samgap.metrics.columns import add, column, column_at_score, double
from samgap.metrics.operating_point import at_score
from samgap.metrics.reasons import no_phrase_reason, require_masks
from samgap.metrics.row_masks import is_evaluable_phrase

VARIANTS = (
    "05", "10", "15", "20", "25", "30", "35", "40", "45", "50", "55", "60", "65", "70", "75", "80", "85", "90", "95",
)  # fmt: skip

METRICS = {
    variant: ratio(
        double(column_at_score("sweep_tp", int(variant) / 100)),
        add(column_at_score("sweep_predicted", int(variant) / 100), column("n_truth")),
        row_mask=is_evaluable_phrase,
        needs_exhaustive_labels=True,
        not_evaluable_reason=require_masks(no_phrase_reason),
        operating_point=at_score(int(variant) / 100),
        higher_is_better=True,
        label=f"F1@50, score ≥ 0.{variant}",
        source="the usual definition",
    )
    for variant in VARIANTS
}
