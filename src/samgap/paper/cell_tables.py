"""Read tables of all shards of some cells, with the cell that the folders of their paths name."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from samgap.tables import parquet
from samgap.tables.parquet import Table

CELL = ["dataset", "model", "prompts"]


def read_shards(table: Table, paths: Iterable[str | Path]) -> pd.DataFrame:
    """Return the rows of all shards, in order of the paths, with the columns of CELL and `source`, the path."""
    frames = [table.read(path).assign(**_parse_cell(path), source=str(path)) for path in paths]
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return table.empty_frame().assign(**dict.fromkeys([*CELL, "source"], pd.Series(dtype=str)))
    return pd.concat(filled, ignore_index=True)


def list_skips(paths: Iterable[str | Path]) -> dict[tuple[str, str, str], str]:
    """Return (dataset, model, prompts) -> `skipped: <reason>` of each cell with a shard that was skipped."""
    skips = {}
    for path in paths:
        if reason := parquet.read_provenance(path).get("skipped"):
            cell = _parse_cell(path)
            skips[cell["dataset"], cell["model"], cell["prompts"]] = f"skipped: {reason}"
    return skips


def add_skipped_cells(
    rows: pd.DataFrame, skips: Mapping[tuple[str, str, str], str], columns: list[str]
) -> pd.DataFrame:
    """Return `rows` with `columns`, and a row with the cell and its `note` for each skipped cell.

    Columns of whole numbers remain such: their type is Int64 if a cell was skipped.
    """
    if not skips:
        return rows.reindex(columns=columns)
    notes = [{**dict(zip(CELL, cell, strict=True)), "note": note} for cell, note in skips.items()]
    whole = {name: "Int64" for name in columns if name in rows and pd.api.types.is_integer_dtype(rows[name])}
    return pd.DataFrame([*rows.to_dict("records"), *notes], columns=columns).astype(whole if len(rows) else {})


def _parse_cell(path: str | Path) -> dict[str, str]:
    """Return data set, model and prompts of a path with the folders `dataset=…/model=…/prompts=…`."""
    keys = dict(part.split("=", 1) for part in Path(path).parts if "=" in part)
    return {name: keys[name] for name in CELL}
