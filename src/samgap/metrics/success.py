"""Success rate: the share of the prompted instances whose mask reaches an IoU of 0.5, 0.75, 0.9 or 0.95.

Each instance with the prediction that is assigned to it, as for `iou`. The value never rises with the threshold. It
equals `recall` or `recall-iou-…` at the same threshold; only the number of images counted differs, because prompts
without an instance are left out. Not evaluable if no annotated instance is prompted.
"""

from samgap.metrics.base import ratio
from samgap.metrics.columns import column, true_positives_at
from samgap.metrics.operating_point import at_iou
from samgap.metrics.reasons import no_instance_reason, require_masks
from samgap.metrics.row_masks import is_positive

VARIANTS = ("50", "75", "90", "95")

METRICS = {
    variant: ratio(
        true_positives_at(int(variant) / 100),
        column("n_truth"),
        row_mask=is_positive,
        not_evaluable_reason=require_masks(no_instance_reason),
        by_instance=True,
        operating_point=at_iou(int(variant) / 100),
        higher_is_better=True,
        label=f"Success rate@{variant}",
        source="the paper's published repository",
    )
    for variant in VARIANTS
}
