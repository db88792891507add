"""Differences between models, prompts, strata and data sets, one block for each family of tests: the difference with
its confidence interval (bootstrap), p of the studentised permutation test, p corrected by Holm within the family,
Cohen's d with its confidence interval, and the smallest difference that a single test detects with 80 % power. Values
of the same images are paired; those of two data sets, and of strata without a common image, are unpaired.

A family with a margin, set in the configuration before the run, also says whether both values are equivalent: p of two
one-sided tests that the difference is smaller than the margin, corrected by Holm. The outcome is in words.

The CSV file holds the rows in full precision, with Bonferroni's correction and the paired t-test; the Markdown, LaTeX
and HTML files are for reading. Where there is no value or no interval, a footnote gives the reason. A dagger (†) marks
values, and their differences, for which the labels are not exhaustive: background objects count as false positives. A
footnote states the number of predictions that a metric leaves out.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from samgap.paper import labels
from samgap.paper.csv import iterate_rows
from samgap.paper.grid import Block, Cell
from samgap.paper.notes import Footnotes, note_kind
from samgap.paper.sources import CELL_KEYS, add_sources
from samgap.paper.tables import TableOutput, TableRequest
from samgap.tables.statistics import COMPARISONS

STUB = ["data set", "candidate", "baseline", "metric", "clusters", "instances"]
VALUE_COLUMNS = ["candidate value", "baseline value", "difference", "p", "p (Holm)"]
MARGIN_COLUMNS = ["margin", "p of equivalence (Holm)"]
EFFECT_COLUMNS = ["outcome", "Cohen's d", "minimum detectable"]
ABSENT = "–"
CELL_COLUMNS = CELL_KEYS, ("baseline_dataset", "baseline_model", "baseline_prompts")


def build_table(request: TableRequest) -> TableOutput:
    """Return the comparisons of all families that the configuration declares."""
    path = request.inputs["comparisons"]
    comparisons = COMPARISONS.read(path)
    footnotes = Footnotes()
    blocks = []
    for family, entry in request.comparisons.items():
        members = comparisons[comparisons["comparison"] == family]
        has_margin = bool(members["margin"].notna().any())
        rows = [_format_row(row, request.models, footnotes, has_margin) for row in iterate_rows(members)]
        columns = [*VALUE_COLUMNS, *(MARGIN_COLUMNS if has_margin else []), *EFFECT_COLUMNS]
        if rows:
            blocks.append(Block(entry["title"], [*STUB, *columns], len(STUB), rows))
    remarks = [
        f"Difference: candidate minus baseline [lower, upper end of the {request.level} confidence interval].",
        "Clusters: the units that are resampled and tested; those that carry the values, of those with a prompt that "
        "counts; of both values, the fewer.",
        labels.INSTANCES_REMARK,
    ]
    remarks += _explain_outcome(comparisons, 1 - request.confidence)
    remarks += labels.explain_direction(comparisons["metric"].unique())
    remarks += labels.explain_mark(blocks)
    if not blocks:
        remarks = ["The configuration has no comparisons."]
    model_ids = [*comparisons["model"], *comparisons["baseline_model"]]
    return TableOutput(add_sources(comparisons, path, CELL_COLUMNS), blocks, footnotes.entries(), remarks, model_ids)


def _explain_outcome(comparisons: pd.DataFrame, level: float) -> list[str]:
    explanation = f"Outcome: different if p (Holm) is at most {level:.2g}, otherwise undecided."
    if comparisons["margin"].isna().all():
        return [explanation]
    return [
        f"{explanation} With a margin, the largest difference that does not matter, set before the run, also "
        f"equivalent if p of equivalence (Holm) is at most {level:.2g}: the difference is smaller than the margin."
    ]


def _format_row(
    row: Any, models: Mapping[str, Mapping[str, Any]], footnotes: Footnotes, has_margin: bool
) -> list[Cell]:
    sides = (
        (row.model, row.prompts, row.stratum),
        (row.baseline_model, row.baseline_prompts, row.baseline_stratum),
    )
    names = [_describe_side(labels.model_label(models, model), *texts) for model, *texts in sides]
    datasets = " / ".join(dict.fromkeys([row.dataset, row.baseline_dataset]))
    instances = labels.format_range([row.n_instances, row.baseline_n_instances])
    stub = [datasets, *names, labels.metric_heading(row.metric), _format_clusters(row), instances]
    if pd.isna(row.difference):
        tests = [Cell(ABSENT)] * (len(VALUE_COLUMNS) + len(EFFECT_COLUMNS))
        tests[VALUE_COLUMNS.index("difference")] = Cell(note_kind(row.note), footnote=footnotes.add(row.note))
    else:
        tests = _format_values(row, labels.metric_decimals(row.metric), footnotes)
    margin = [Cell(_format_margin(row.margin)), Cell(_format_p_value(row.p_equivalence_holm))] if has_margin else []
    n_values = len(VALUE_COLUMNS)
    return [*map(Cell, stub), *tests[:n_values], *margin, *tests[n_values:]]


def _describe_side(model_label: str, prompts: str, stratum: str) -> str:
    return " · ".join([model_label, prompts, *([] if stratum == "all" else [stratum])])


def _format_clusters(row: Any) -> str:
    """Return the number of clusters, such as `60 images`, `5 of 6 groups` and `20 images, unpaired`."""
    counts = labels.format_carriers([row.n_clusters], [row.n_clusters_total])
    kinds = row.clusters if row.n_clusters_total == 1 else f"{row.clusters.replace(' or ', 's or ')}s"
    return f"{counts} {kinds}{', unpaired' if row.pairing == 'unpaired' else ''}"


def _format_values(row: Any, decimals: int, footnotes: Footnotes) -> list[Cell]:
    footnote = footnotes.add(row.warning) if row.warning else ""
    interval = _format_interval(row.ci_low, row.ci_high, decimals) or labels.NO_INTERVAL
    mark = labels.lacks_labels_mark(row.lacks_labels, row.baseline_lacks_labels)
    cells = []
    for prefix in ("", "baseline_"):
        value, lacks_labels, n_left_out = (
            getattr(row, prefix + name) for name in ("value", "lacks_labels", "n_left_out")
        )
        left_out = labels.describe_left_out(n_left_out, row.labelled_distance)
        text = f"{value:.{decimals}f}{labels.lacks_labels_mark(lacks_labels)}"
        cells.append(Cell(text, footnote=footnotes.add(left_out) if left_out else ""))
    return [
        *cells,
        Cell(f"{row.difference:+.{decimals}f}{mark}", interval, footnote),
        Cell(_format_p_value(row.p_value)),
        Cell(_format_p_value(row.p_holm)),
        Cell(ABSENT if pd.isna(row.outcome) else row.outcome),
        Cell(_format_number(row.effect_size, 2), _format_interval(row.effect_low, row.effect_high, 2)),
        Cell(_format_number(row.minimum_detectable, decimals)),
    ]


def _format_number(value: float, decimals: int) -> str:
    return ABSENT if pd.isna(value) else f"{value:.{decimals}f}"


def _format_margin(margin: float) -> str:
    return ABSENT if pd.isna(margin) else f"±{margin:g}"


def _format_interval(low: float, high: float, decimals: int) -> str:
    return "" if pd.isna(low) else f"{low:.{decimals}f}, {high:.{decimals}f}"


def _format_p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else _format_number(p, 3)
