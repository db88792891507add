"""Labels of metrics and models, number formats, and the mark of values that lack labels, for figures and tables."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from samgap.metrics import load_metric
from samgap.paper.grid import Block

LACKS_LABELS_MARK = "†"
"""Follows each printed value that needs exhaustive labels, if those of its data set are not."""
LACKS_LABELS_NOTE = f"{LACKS_LABELS_MARK} labels are not exhaustive: background objects count as false positives"
"""Explains the mark wherever it is printed."""

DIRECTION_MARKS = {True: " ↑", False: " ↓", None: ""}
"""Follows the label of a metric, by `higher_is_better`."""
WHOLE_SET = "all"
"""Stratum of a whole data set."""
NO_INTERVAL = "no interval"
"""Printed in place of an interval; a footnote gives the reason."""


def metric_label(metric_id: str) -> str:
    """Return the label that the metric declares, such as `Boundary F (2 px)`."""
    return load_metric(metric_id).label


def metric_heading(metric_id: str) -> str:
    """Return the label with the direction that the metric declares: ↑ higher is better, ↓ lower; none if 0 is best."""
    metric = load_metric(metric_id)
    return metric.label + DIRECTION_MARKS[metric.higher_is_better]


def explain_direction(metric_ids: Iterable[str]) -> list[str]:
    """Return the explanation of the marks of some metrics as a sentence, if one of them has a mark."""
    directions = {load_metric(metric_id).higher_is_better for metric_id in metric_ids}
    texts = {True: "↑ higher is better", False: "↓ lower is better", None: "without an arrow 0 is best"}
    parts = [text for direction, text in texts.items() if direction in directions]
    return [f"{parts[0][0].upper()}{'; '.join(parts)[1:]}."] if parts else []


def metric_decimals(metric_id: str) -> int:
    """Return the number of decimals that the metric declares."""
    return load_metric(metric_id).decimals


def lacks_labels_mark(*lacks_labels: Any) -> str:
    """Return the mark if one of some cells of a column `lacks_labels` is true; they may be null."""
    return LACKS_LABELS_MARK if any(pd.notna(cell) and cell for cell in lacks_labels) else ""


def explain_mark(blocks: Iterable[Block]) -> list[str]:
    """Return the explanation of the mark as a sentence, if a cell of a printed table has it."""
    texts = (cell.text for block in blocks for row in block.rows for cell in row)
    return [f"{LACKS_LABELS_NOTE}."] if any(LACKS_LABELS_MARK in text for text in texts) else []


def describe_left_out(n_left_out: float | None, labelled_distance: float | None) -> str:
    """Describe the predictions that a metric leaves out; empty for a metric that leaves out none by definition.

    Args:
        n_left_out: Their number, or null.
        labelled_distance: The distance from which they are far, in image heights.
    """
    if n_left_out is None or pd.isna(n_left_out):
        return ""
    subject = "1 prediction is" if n_left_out == 1 else f"{int(n_left_out):,} predictions are"
    return f"{subject} left out: farther than {labelled_distance:g} image heights from every labelled instance"


def model_label(models: Mapping[str, Mapping[str, Any]], model_id: str) -> str:
    """Return the label in the model's entry of the configuration, or its id."""
    return str(models.get(model_id, {}).get("label", model_id))


def format_carriers(n_carrying: Iterable[int], n_total: Iterable[int]) -> str:
    """Format the numbers that carry some values as `60`, or as `2–58 of 60` if the total is larger."""
    numbers, total = list(n_carrying), max(n_total)
    return format_range(numbers) if min(numbers) == total else f"{format_range(numbers)} of {total:,}"


INSTANCES_REMARK = (
    "Instances: those of the prompts that count. Of phrases, they are pairs of a phrase and an instance that it names, "
    "so an instance counts once for each phrase."
)


def format_range(numbers: Iterable[int]) -> str:
    """Format equal numbers as `60`, different ones as `57–60`."""
    numbers = list(numbers)
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
