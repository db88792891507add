"""What a metric counts: from which score and IoU on, and what it does with `ignore` instances.

Each metric declares it. The texts are columns of docs/reference/metrics.md.
"""

from dataclasses import dataclass

THRESHOLD = "≥ official"
"""The model's official score threshold for phrases; the best mask of a spatial prompt counts at any score."""
CHOSEN = "≥ chosen"
"""The score threshold that was chosen for the model on other images."""
SWEPT = "≥ 0.05 … 0.95"
"""Each of 19 score thresholds."""
ALL_SCORES = "all"
"""Every stored prediction."""
NOT_USED = "–"
"""The metric does not depend on it."""

ASSIGNED = "> 0"
"""One-to-one assignment with a common pixel; there is no minimum."""
ALL_IOUS = "0.50–0.95"
"""The mean over 0.50, 0.55 … 0.95."""

EXCUSED = "excused"
"""A prediction without a match that lies at least half in `ignore` instances of the prompt's nouns is left out."""
EXCUSED_UNKNOWN = "excused, presence unknown"
"""As `EXCUSED`; an image whose only instances of the nouns are `ignore` does not count."""
CROWD = "crowd"
"""The `ignore` instances of the prompt's nouns are COCO's crowds."""
COUNTED = "counted"
"""`ignore` instances count like others."""


@dataclass(frozen=True)
class OperatingPoint:
    """The operating point of a metric, as texts for readers."""

    iou: str
    """IoU from which a prediction matches an instance."""
    score: str = THRESHOLD
    """Scores of the predictions that count."""
    ignore: str = EXCUSED
    """The rule for `ignore` instances."""


def at_iou(threshold: float) -> OperatingPoint:
    """Return the operating point of a match at one IoU threshold."""
    return OperatingPoint(f"{threshold:.2f}")


def at_score(threshold: float) -> OperatingPoint:
    """Return the operating point of a match at IoU 0.5, of predictions from a score threshold on."""
    return OperatingPoint("0.50", f"≥ {threshold:.2f}")


MATCH_50 = at_iou(0.5)
MATCH_ALL = OperatingPoint(ALL_IOUS)
ASSIGNMENT = OperatingPoint(ASSIGNED)
NO_MATCH = OperatingPoint(NOT_USED)
"""Predictions count without a match."""
PRESENCE = OperatingPoint(NOT_USED, ignore=EXCUSED_UNKNOWN)
TARGET_KNOWN = OperatingPoint(NOT_USED, NOT_USED, NOT_USED)
"""The target of each prompt is known, and it has one mask at a time."""
