"""F1 at each IoU threshold above 0.5: 0.55, 0.60 … 0.95.

As `f1-50`, which is the value at 0.50: 2TP / (predictions + instances) over all evaluable prompts. One assignment is
used for all thresholds, so the value never rises with the threshold. Undefined (NaN) if there are neither instances
nor predictions.
"""

from samgap.metrics.f1_50 import f1_at

VARIANTS = ("55", "60", "65", "70", "75", "80", "85", "90", "95")

METRICS = {
    variant: f1_at(
        int(variant) / 100,
        needs_exhaustive_labels=True,
        label=f"F1@{variant}",
        source="van Rijsbergen (1979); matching as in sam3's evaluator",
    )
    for variant in VARIANTS
}
