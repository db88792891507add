"""Estimates as cells and blocks of a printed table: value, interval, footnotes, and the numbers behind a row."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from samgap.paper import csv, labels
from samgap.paper.grid import Block, Cell
from samgap.paper.notes import Footnotes, note_kind

ABSENT = "–"
WHOLE_SET = labels.WHOLE_SET
"""The stratum of estimates over whole data sets."""
COUNT_COLUMNS = ["images", "instances"]
KEY_NAMES = {"dataset": "data set"}
"""Column of `estimates` -> its heading, where this is another word."""


def build_block(
    estimates: pd.DataFrame,
    heading: str,
    keys: Sequence[str],
    metrics: Sequence[str],
    models: Mapping[str, Mapping[str, Any]],
    footnotes: Footnotes,
    text_widths: Mapping[int, float] | None = None,
) -> Block:
    """Return a block with a row for each combination of `keys`, and a column for each metric.

    Args:
        estimates: Rows of the table `estimates`. If several have the same keys and metric, the first is shown.
        heading: The heading of the block.
        keys: The columns that name a row.
        metrics: The metrics that are shown, in order.
        models: All models of the configuration, by id.
        footnotes: Footnotes of the whole table; those of this block are added.
        text_widths: As in `Block`.
    """
    rows = []
    shown = estimates[estimates["metric"].isin(metrics)]
    for values, group in shown.groupby(list(keys), sort=False):
        names = dict(zip(keys, map(str, values), strict=True))
        if "model" in names:
            names["model"] = labels.model_label(models, names["model"])
        by_metric: dict[str, Any] = {}
        for estimate in csv.iterate_rows(group):
            by_metric.setdefault(estimate.metric, estimate)
        counts = format_counts(group[group["value"].notna()])
        value_cells = [format_estimate(by_metric.get(metric), metric, footnotes) for metric in metrics]
        rows.append([*(Cell(text) for text in [*names.values(), *counts]), *value_cells])
    stub = [*(KEY_NAMES.get(key, key) for key in keys), *COUNT_COLUMNS]
    columns = [*stub, *map(labels.metric_heading, metrics)]
    return Block(heading, columns, len(keys), rows, text_widths or {})


def split_metrics(metrics: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """Yield the metrics in groups of at most `most`, which differ in size by one at most."""
    n_groups = -(-len(metrics) // most)
    ends = [round(len(metrics) * number / n_groups) for number in range(n_groups + 1)] if n_groups else []
    for start, end in itertools.pairwise(ends):
        yield metrics[start:end]


def list_remarks(blocks: Sequence[Block], metrics: Sequence[str], level: str) -> list[str]:
    """Return the sentences below a table of estimates.

    Args:
        blocks: The blocks of the table.
        metrics: The metrics that it shows.
        level: The level of the confidence intervals as printed.
    """
    remarks = [
        f"Value [lower, upper end of the {level} confidence interval].",
        "Images: those that carry the values, of those with a prompt that counts.",
        labels.INSTANCES_REMARK,
    ]
    if any(_lacks_metric(block) for block in blocks):
        remarks.append(f"{ABSENT}: no experiment of the table reports the metric for this row.")
    return [*remarks, *labels.explain_direction(metrics), *labels.explain_mark(blocks)]


def format_counts(estimates: pd.DataFrame) -> list[str]:
    """Return the numbers of images and instances of the rows with a value; dashes without any."""
    if estimates.empty:
        return [ABSENT, ABSENT]
    images = labels.format_carriers(estimates["n_images"], estimates["n_images_total"])
    return [images, labels.format_range(estimates["n_instances"])]


def format_estimate(estimate: Any, metric: str, footnotes: Footnotes) -> Cell:
    """Format a row of `estimates`: value and interval, or the kind of its note; a dash for None."""
    if estimate is None:
        return Cell(ABSENT)
    if pd.isna(estimate.value):
        return Cell(note_kind(estimate.note), footnote=footnotes.add(estimate.note))
    decimals = labels.metric_decimals(metric)
    interval = labels.NO_INTERVAL
    if pd.notna(estimate.ci_low):
        interval = f"{estimate.ci_low:.{decimals}f}, {estimate.ci_high:.{decimals}f}"
    left_out = labels.describe_left_out(estimate.n_left_out, estimate.labelled_distance)
    texts = [text for text in (estimate.warning, left_out) if text]
    mark = footnotes.add("; ".join(texts)) if texts else ""
    text = f"{estimate.value:.{decimals}f}{labels.lacks_labels_mark(estimate.lacks_labels)}"
    return Cell(text, interval, mark)


def _lacks_metric(block: Block) -> bool:
    """Return whether a cell of a metric has a dash."""
    first = block.n_stub_columns + len(COUNT_COLUMNS)
    return any(cell.text == ABSENT for row in block.rows for cell in row[first:])
