"""Labels of metrics and models, and number formats, for figures and tables."""

from collections.abc import Iterable, Mapping
from typing import Any

from samgap.metrics import load_metric


def metric_label(metric_id: str) -> str:
    """Return the label that the metric declares, such as `Boundary F (2 px)`."""
    return load_metric(metric_id).label


def metric_decimals(metric_id: str) -> int:
    """Return the number of decimals that the metric declares."""
    return load_metric(metric_id).decimals


def model_label(models: Mapping[str, Mapping[str, Any]], model_id: str) -> str:
    """Return the label in the model's entry of the configuration, or its id."""
    return str(models.get(model_id, {}).get("label", model_id))


def format_range(numbers: Iterable[int]) -> str:
    """Format equal numbers as `60`, different ones as `57–60`."""
    numbers = list(numbers)
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
