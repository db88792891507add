"""Precision at each IoU threshold above 0.5: 0.55, 0.60 … 0.95.

As `precision`, which is the value at 0.50: TP / predictions over all evaluable prompts. One assignment is used for all
thresholds, so the value never rises with the threshold. Undefined (NaN) if there is no prediction.
"""

from samgap.metrics.precision import precision_at

VARIANTS = ("55", "60", "65", "70", "75", "80", "85", "90", "95")

METRICS = {
    variant: precision_at(
        int(variant) / 100,
        needs_exhaustive_labels=True,
        label=f"Precision@{variant}",
        source="the usual definition; matching as in sam3's evaluator",
    )
    for variant in VARIANTS
}
