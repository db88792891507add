"""Recall at each IoU threshold above 0.5: 0.55, 0.60 … 0.95.

As `recall`, which is the value at 0.50: TP / instances over all evaluable prompts. One assignment is used for all
thresholds, so the value never rises with the threshold. Not evaluable if no annotated instance is prompted.
"""

from samgap.metrics.recall import recall_at

VARIANTS = ("55", "60", "65", "70", "75", "80", "85", "90", "95")

METRICS = {
    variant: recall_at(
        int(variant) / 100,
        label=f"Recall@{variant}",
        source="the usual definition; matching as in sam3's evaluator",
    )
    for variant in VARIANTS
}
