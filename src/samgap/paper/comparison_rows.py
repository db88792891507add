"""Rows of the tables of comparisons: what is compared, on how many clusters, and the cells of its values and tests."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from samgap.paper import labels
from samgap.paper.csv import iterate_rows
from samgap.paper.grid import Block, Cell
from samgap.paper.notes import Footnotes, note_kind
from samgap.paper.requests import TableRequest

SIDES = ["candidate", "baseline"]
ABSENT = Cell("–")

DIFFERENCE = "difference"
"""Heading of the column that also has the reason for a missing difference."""

MakeCells = Callable[[Any, Footnotes], list[Cell]]
"""From a row of table `comparisons` with a difference to its cells."""


@dataclass(frozen=True)
class Columns:
    """The columns of a block after those of the names."""

    headings: list[str]
    make_cells: MakeCells


def iter_families(request: TableRequest, comparisons: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the title of each family that the configuration declares, with its rows, if it has any."""
    for family, entry in request.comparisons.items():
        members = comparisons[comparisons["comparison"] == family]
        if len(members):
            yield entry["title"], members


def build_block(
    title: str, members: pd.DataFrame, models: Mapping[str, Mapping[str, Any]], footnotes: Footnotes, columns: Columns
) -> Block:
    """Return the block of a family. What all rows share is in the heading: candidate and baseline, and the data set.

    A stratum that both sides have is in a column of its own. With several data sets it is beside the names of both
    sides, where other strata always are, so that no block has more than twelve columns.
    """
    all_rows = list(iterate_rows(members))
    datasets = [_name_datasets(row) for row in all_rows]
    has_several = len(set(datasets)) > 1
    strata = [None if has_several else _get_common_stratum(row) for row in all_rows]
    sides = [_name_sides(row, models, stratum is None) for row, stratum in zip(all_rows, strata, strict=True)]
    stub: dict[str, Sequence[str]] = {"data set": datasets} if has_several else {}
    if len(set(sides)) > 1:
        stub |= dict(zip(SIDES, zip(*sides, strict=True), strict=True))
    if {*strata} - {None, labels.WHOLE_SET}:
        stub["stratum"] = [stratum or "" for stratum in strata]
    stub["metric"] = [labels.metric_heading(row.metric) for row in all_rows]
    stub["clusters"] = [_format_clusters(row) for row in all_rows]
    names = zip(*stub.values(), strict=True)
    cells = [
        [*map(Cell, row_names), *_make_cells(row, footnotes, columns)]
        for row, row_names in zip(all_rows, names, strict=True)
    ]
    shared = [*([] if SIDES[0] in stub else [" against ".join(sides[0])]), *([] if has_several else [datasets[0]])]
    heading = f"{title} ({'; '.join(shared)})" if shared else title
    return Block(heading, [*stub, *columns.headings], len(stub), cells)


def _name_datasets(row: Any) -> str:
    return " / ".join(dict.fromkeys([row.dataset, row.baseline_dataset]))


def _get_common_stratum(row: Any) -> str | None:
    return str(row.stratum) if row.stratum == row.baseline_stratum else None


def _name_sides(row: Any, models: Mapping[str, Mapping[str, Any]], has_stratum: bool) -> tuple[str, ...]:
    """Return the model and prompts of both sides, and their strata if these are not in a column."""
    names = []
    for prefix in ("", "baseline_"):
        model, prompts, stratum = (getattr(row, prefix + name) for name in ("model", "prompts", "stratum"))
        parts = [labels.model_label(models, model), prompts]
        names.append(" · ".join([*parts, stratum] if has_stratum and stratum != labels.WHOLE_SET else parts))
    return tuple(names)


def _format_clusters(row: Any) -> str:
    """Return the number of clusters, such as `60 images`, `5 of 6 groups` and `20 images, unpaired`."""
    counts = labels.format_carriers([row.n_clusters], [row.n_clusters_total])
    kinds = row.clusters if row.n_clusters_total == 1 else f"{row.clusters.replace(' or ', 's or ')}s"
    return f"{counts} {kinds}{', unpaired' if row.pairing == 'unpaired' else ''}"


def _make_cells(row: Any, footnotes: Footnotes, columns: Columns) -> list[Cell]:
    if not pd.isna(row.difference):
        return columns.make_cells(row, footnotes)
    cells = [ABSENT] * len(columns.headings)
    cells[columns.headings.index(DIFFERENCE)] = Cell(note_kind(row.note), footnote=footnotes.add(row.note))
    return cells


def make_difference_cell(row: Any, footnotes: Footnotes) -> Cell:
    """Return the difference with its interval, its warning as a footnote, and the mark of labels that are lacking."""
    decimals = labels.metric_decimals(row.metric)
    interval = format_interval(row.ci_low, row.ci_high, decimals) or labels.NO_INTERVAL
    mark = labels.lacks_labels_mark(row.lacks_labels, row.baseline_lacks_labels)
    footnote = footnotes.add(row.warning) if row.warning else ""
    return Cell(f"{row.difference:+.{decimals}f}{mark}", interval, footnote)


def make_value_cells(row: Any, footnotes: Footnotes) -> list[Cell]:
    """Return the values of the candidate and of the baseline."""
    cells = []
    for prefix in ("", "baseline_"):
        value, lacks_labels, n_left_out = (
            getattr(row, prefix + name) for name in ("value", "lacks_labels", "n_left_out")
        )
        left_out = labels.describe_left_out(n_left_out, row.labelled_distance)
        text = f"{value:.{labels.metric_decimals(row.metric)}f}{labels.lacks_labels_mark(lacks_labels)}"
        cells.append(Cell(text, footnote=footnotes.add(left_out) if left_out else ""))
    return cells


def format_number(value: float, decimals: int) -> str:
    """Return a number, or a dash for a missing one."""
    return ABSENT.text if pd.isna(value) else f"{value:.{decimals}f}"


def format_interval(low: float, high: float, decimals: int) -> str:
    """Return both ends of an interval, or an empty text without one."""
    return "" if pd.isna(low) else f"{low:.{decimals}f}, {high:.{decimals}f}"


def format_p_value(p: float) -> str:
    """Return a p-value with three decimals, or that it is below 0.001."""
    return "< 0.001" if p < 0.001 else format_number(p, 3)
