"""Precision at IoU 0.5 at each score threshold, 0.15, 0.20 … 0.95.

An operating point is a choice, and this is what others would give. TP / predicted over evaluable phrases, the masks
at the threshold or above assigned anew. Source: the usual definition; studies that compare models at different
thresholds (0.15 and 0.5) are answered by the whole row. Range 0 to 1; undefined (NaN) where no score reaches the
threshold. Not evaluable for spatial prompts, whose single best mask always counts.
"""

from samgap.metrics import _ratio, _sweep

VARIANTS = (
    "15", "20", "25", "30", "35", "40", "45", "50", "55", "60", "65", "70", "75", "80", "85", "90", "95",
)  # fmt: skip


def variant(name: str) -> _ratio.Ratio:
    return _sweep.precision(int(name) / 100)
