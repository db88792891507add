"""The tables that the rows of a printed table come from: the column `source` of its CSV file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from samgap.paper.csv import iterate_rows
from samgap.tables import parquet

CELL_KEYS = ("dataset", "model", "prompts")


def add_sources(
    rows: pd.DataFrame, path: str | Path, cell_columns: Sequence[Sequence[str]] = (CELL_KEYS,)
) -> pd.DataFrame:
    """Add the column `source`: for each row the file of the table and the tables that the row was computed from.

    The manifest reads this column.

    Args:
        rows: Rows of a table of statistics.
        path: File of the table; its provenance lists the tables that it was computed from.
        cell_columns: Columns with data set, model and prompt set, for each cell that a row was computed from.
    """
    inputs = sorted(parquet.read_provenance(path).get("inputs", {}))
    by_cells: dict[tuple[tuple[str, ...], ...], str] = {}
    sources = []
    for row in iterate_rows(rows):
        cells = tuple(tuple(str(getattr(row, column)) for column in columns) for columns in cell_columns)
        if cells not in by_cells:
            keys = [dict(zip(CELL_KEYS, cell, strict=True)) for cell in cells]
            by_cells[cells] = ";".join([str(path), *(source for source in inputs if _is_of_a_cell(source, keys))])
        sources.append(by_cells[cells])
    return rows.assign(source=sources)


def _is_of_a_cell(source: str, cells: Sequence[Mapping[str, str]]) -> bool:
    """Return whether a file is in the folder of a cell: `…/dataset=…/model=…/prompts=…/…`."""
    parts = set(Path(source).parts)
    return any({f"{key}={value}" for key, value in cell.items()} <= parts for cell in cells)
