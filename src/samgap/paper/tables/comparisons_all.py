"""Tests and effect sizes of all comparisons, one block for each family of tests: the difference with its confidence
interval, p of the studentised permutation test, before and after Holm's correction within the family, p of the paired
or Welch's t-test, Cohen's d with its confidence interval, and the smallest difference that a single t-test detects with
80 % power. The table comparisons has both values, the tests of equivalence and the outcome in words.

The CSV file holds the rows in full precision. Where there is no value or no interval, a footnote gives the reason.
"""

from typing import Any

from samgap.paper import labels
from samgap.paper.comparison_rows import (
    DIFFERENCE,
    Columns,
    build_block,
    format_interval,
    format_number,
    format_p_value,
    iter_families,
    make_difference_cell,
)
from samgap.paper.grid import Cell
from samgap.paper.notes import Footnotes
from samgap.paper.sources import CELL_KEYS, add_sources
from samgap.paper.tables import TableOutput, TableRequest
from samgap.tables.statistics import COMPARISONS

HEADINGS = ["instances", DIFFERENCE, "p", "p (Holm)", "p (t-test)", "Cohen's d", "minimum detectable"]
CELL_COLUMNS = CELL_KEYS, ("baseline_dataset", "baseline_model", "baseline_prompts")


def build_table(request: TableRequest) -> TableOutput:
    """Return the comparisons of all families that the configuration declares."""
    path = request.inputs["comparisons"]
    comparisons = COMPARISONS.read(path)
    footnotes, columns = Footnotes(), Columns(HEADINGS, _make_cells)
    blocks = [
        build_block(title, members, request.models, footnotes, columns)
        for title, members in iter_families(request, comparisons)
    ]
    remarks = [
        f"Difference: candidate minus baseline [lower, upper end of the {request.level} confidence interval].",
        labels.INSTANCES_REMARK,
        "p (t-test) is not corrected; Cohen's d is that of the paired differences, or of two samples.",
        *labels.explain_direction(comparisons["metric"].unique()),
        *labels.explain_mark(blocks),
    ]
    if not blocks:
        remarks = ["The configuration has no comparisons."]
    model_ids = [*comparisons["model"], *comparisons["baseline_model"]]
    return TableOutput(add_sources(comparisons, path, CELL_COLUMNS), blocks, footnotes.entries(), remarks, model_ids)


def _make_cells(row: Any, footnotes: Footnotes) -> list[Cell]:
    return [
        Cell(labels.format_range([row.n_instances, row.baseline_n_instances])),
        make_difference_cell(row, footnotes),
        *(Cell(format_p_value(p)) for p in (row.p_value, row.p_holm, row.p_t_test)),
        Cell(format_number(row.effect_size, 2), format_interval(row.effect_low, row.effect_high, 2)),
        Cell(format_number(row.minimum_detectable, labels.metric_decimals(row.metric))),
    ]
