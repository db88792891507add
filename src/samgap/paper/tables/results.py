"""Estimates of all models with confidence intervals (bootstrap over images), one block for each experiment. A
second block shows the estimates by phrase or other stratum, where there are any.

The CSV file holds the estimates in full precision, one per row; the Markdown, LaTeX and HTML files are for reading.
Where there is no value or no interval, a footnote gives the reason. A dagger (†) marks values for which the labels are
not exhaustive: background objects count as false positives. A footnote states the number of predictions that a metric
leaves out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from samgap.paper import csv, labels
from samgap.paper.grid import Block, Cell
from samgap.paper.notes import Footnotes, note_kind
from samgap.paper.tables import TableOutput, TableRequest
from samgap.tables.statistics import ESTIMATES

KEYS = ["dataset", "model", "prompts"]
STUB = ["data set", "model", "prompts"]
ABSENT = "–"


def build_table(request: TableRequest) -> TableOutput:
    """Return the estimates of the experiments that the entry names."""
    estimates = csv.select_experiments(ESTIMATES.read(request.inputs["estimates"]), request.entry["experiments"])
    footnotes = Footnotes()
    blocks = build_blocks(estimates, request.experiments, request.models, footnotes)
    remarks = [
        f"Value [lower, upper end of the {request.level} confidence interval].",
        "Images: those that carry the values, of those with a prompt that counts.",
        labels.INSTANCES_REMARK,
    ]
    if any(_lacks_metric(block) for block in blocks):
        remarks.append(f"{ABSENT}: the experiment does not report the metric for this row.")
    remarks += labels.explain_direction(estimates["metric"].unique())
    remarks += labels.explain_mark(blocks)
    return TableOutput(estimates, blocks, footnotes.entries(), remarks, list(estimates["model"]))


def _lacks_metric(block: Block) -> bool:
    """Return whether a cell of a metric, which follow the column `instances`, has a dash."""
    first = list(block.columns).index("instances") + 1
    return any(cell.text == ABSENT for row in block.rows for cell in row[first:])


def build_blocks(
    estimates: pd.DataFrame,
    experiments: Mapping[str, Mapping[str, Any]],
    models: Mapping[str, Mapping[str, Any]],
    footnotes: Footnotes,
) -> list[Block]:
    """Return a block of whole data sets for each experiment and, if it has strata, a block of its strata."""
    blocks = []
    for experiment, rows in estimates.groupby("experiment", sort=False):
        entry = experiments[str(experiment)]
        is_whole_set = rows["stratum"] == "all"
        for part, heading, keys in (
            (rows[is_whole_set], entry["title"], KEYS),
            (rows[~is_whole_set], f"{entry['title']}, by stratum", [*KEYS, "stratum"]),
        ):
            metrics = [metric for metric in entry["metrics"] if (part["metric"] == metric).any()]
            if metrics:
                blocks.append(_build_block(part, heading, keys, metrics, models, footnotes))
    return blocks


def _build_block(
    estimates: pd.DataFrame,
    heading: str,
    keys: Sequence[str],
    metrics: Sequence[str],
    models: Mapping[str, Mapping[str, Any]],
    footnotes: Footnotes,
) -> Block:
    rows = []
    for values, group in estimates.groupby(list(keys), sort=False):
        names = dict(zip(keys, map(str, values), strict=True))
        names["model"] = labels.model_label(models, names["model"])
        counts = _format_counts(group[group["value"].notna()])
        by_metric = {estimate.metric: estimate for estimate in csv.iterate_rows(group)}
        value_cells = [_format_estimate(by_metric.get(metric), metric, footnotes) for metric in metrics]
        rows.append([*(Cell(text) for text in [*names.values(), *counts]), *value_cells])
    stub = [*STUB, *keys[len(KEYS) :], "images", "instances"]
    return Block(heading, [*stub, *map(labels.metric_heading, metrics)], len(keys), rows)


def _format_counts(estimates: pd.DataFrame) -> list[str]:
    """Return the numbers of images and instances of the rows with a value; dashes without any."""
    if estimates.empty:
        return [ABSENT, ABSENT]
    images = labels.format_carriers(estimates["n_images"], estimates["n_images_total"])
    return [images, labels.format_range(estimates["n_instances"])]


def _format_estimate(estimate: Any, metric: str, footnotes: Footnotes) -> Cell:
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
