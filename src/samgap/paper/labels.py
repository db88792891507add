"""What ids are called in print. An id that is not listed is printed with spaces for its hyphens."""

from collections.abc import Iterable, Mapping
from typing import Any

_METRICS = {
    "iou": "IoU",
    "dice": "Dice",
    "boundary-f-2px": "boundary F (2 px)",
    "f1-50": "F1 at IoU 0.5",
    "pmf1": "pmF1",
    "il-mcc": "IL-MCC",
    "cgf1": "cgF1 (0–100)",
    "map": "mAP",
}


def metric(name: str) -> str:
    return _METRICS.get(name, name.replace("-", " "))


def decimals(name: str) -> int:
    """Decimals that a metric is printed with: fractions three, cgF1 (0 to 100) and counts one."""
    return 1 if name in ("cgf1", "prompts-per-image") else 3


def model(models: Mapping[str, Mapping[str, Any]], name: str) -> str:
    return str(models.get(name, {}).get("label", name))


def span(numbers: Iterable[int]) -> str:
    """`60`, or `57–60` where several estimates rest on different numbers."""
    numbers = list(numbers)
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
