"""Differences between models, prompts, strata and data sets, one block for each family of tests: both values, the
difference with its confidence interval (bootstrap), p of the studentised permutation test, corrected by Holm within the
family, and the outcome in words. Values of the same images are paired; those of two data sets, and of strata without a
common image, are unpaired. The table comparisons-all has effect sizes and uncorrected p-values.

A family with a margin, set in the configuration before the run, also says whether both values are equivalent: p of two
one-sided tests that the difference is smaller than the margin, corrected by Holm.

The CSV file holds the rows in full precision, with Bonferroni's correction and the paired t-test; the Markdown, LaTeX
and HTML files are for reading. Where there is no value or no interval, a footnote gives the reason. A dagger (†) marks
values, and their differences, for which the labels are not exhaustive: background objects count as false positives. A
footnote states the number of predictions that a metric leaves out.
"""

from typing import Any

import pandas as pd

from samgap.paper import labels
from samgap.paper.comparison_rows import (
    DIFFERENCE,
    Columns,
    build_block,
    format_p_value,
    iter_families,
    make_difference_cell,
    make_value_cells,
)
from samgap.paper.grid import Cell
from samgap.paper.notes import Footnotes
from samgap.paper.sources import CELL_KEYS, add_sources
from samgap.paper.tables import TableOutput, TableRequest
from samgap.tables.statistics import COMPARISONS

VALUE_COLUMNS = ["value of candidate", "value of baseline", DIFFERENCE, "p (Holm)"]
MARGIN_COLUMNS = ["margin", "p of equivalence (Holm)"]
OUTCOME = "outcome"
CELL_COLUMNS = CELL_KEYS, ("baseline_dataset", "baseline_model", "baseline_prompts")


def build_table(request: TableRequest) -> TableOutput:
    """Return the comparisons of all families that the configuration declares."""
    path = request.inputs["comparisons"]
    comparisons = COMPARISONS.read(path)
    footnotes = Footnotes()
    plain = Columns([*VALUE_COLUMNS, OUTCOME], _make_cells)
    with_margin = Columns([*VALUE_COLUMNS, *MARGIN_COLUMNS, OUTCOME], _make_cells_with_margin)
    blocks = [
        build_block(
            title, members, request.models, footnotes, with_margin if members["margin"].notna().any() else plain
        )
        for title, members in iter_families(request, comparisons)
    ]
    remarks = [
        f"Difference: candidate minus baseline [lower, upper end of the {request.level} confidence interval].",
        "Clusters: the units that are resampled and tested; those that carry the values, of those with a prompt that "
        "counts; of both values, the fewer.",
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


def _make_cells(row: Any, footnotes: Footnotes) -> list[Cell]:
    values, outcome = make_value_cells(row, footnotes), "–" if pd.isna(row.outcome) else row.outcome
    return [*values, make_difference_cell(row, footnotes), Cell(format_p_value(row.p_holm)), Cell(outcome)]


def _make_cells_with_margin(row: Any, footnotes: Footnotes) -> list[Cell]:
    cells = _make_cells(row, footnotes)
    margin = "–" if pd.isna(row.margin) else f"±{row.margin:g}"
    return [*cells[:-1], Cell(margin), Cell(format_p_value(row.p_equivalence_holm)), cells[-1]]
