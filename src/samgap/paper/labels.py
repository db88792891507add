"""What ids are called in print. An id that is not listed is printed with spaces for its hyphens."""

from collections.abc import Iterable, Mapping
from typing import Any

_METRIC_LABELS = {
    "iou": "IoU",
    "dice": "Dice",
    "boundary-f-2px": "boundary F (2 px)",
    "f1-50": "F1 at IoU 0.5",
    "pmf1": "pmF1",
    "il-mcc": "IL-MCC",
    "cgf1": "cgF1 (0–100)",
    "map": "mAP",
}


def metric_label(metric_id: str) -> str:
    return _METRIC_LABELS.get(metric_id, metric_id.replace("-", " "))


def metric_decimals(metric_id: str) -> int:
    """Decimals that a metric is printed with: fractions three, cgF1 (0 to 100) and counts one."""
    return 1 if metric_id in ("cgf1", "prompts-per-image") else 3


def model_label(models: Mapping[str, Mapping[str, Any]], model_id: str) -> str:
    return str(models.get(model_id, {}).get("label", model_id))


def format_range(numbers: Iterable[int]) -> str:
    """`60`, or `57–60` where several estimates rest on different numbers."""
    numbers = list(numbers)
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
