"""Write tables of a cell, of which a test gives the columns that matter, into the folders of a run."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from samgap.tables.matching import PAIRS
from samgap.tables.parquet import Table


def make_blank(type: pa.DataType) -> Any:
    """Return a value of a type that a column must have: 0, false, an empty text, or a list of as many zeros."""
    if pa.types.is_fixed_size_list(type):
        return [0] * type.list_size
    if pa.types.is_list(type) or pa.types.is_map(type):
        return []
    return "" if pa.types.is_string(type) else b"" if pa.types.is_binary(type) else type.to_pandas_dtype()(0).item()


def write_cell(
    table: Table,
    folder: Path,
    cell: tuple[str, str, str],
    rows: Iterable[Mapping[str, Any]],
    skipped: str | None = None,
) -> Path:
    """Write the only shard of a table of a cell (data set, model, prompts); other columns are blank or null."""
    dataset, model, prompts = cell
    path = folder / f"dataset={dataset}/model={model}/prompts={prompts}/shard=000/{table.name}.parquet"
    blank = {field.name: make_blank(field.type) for field in table.fields if not field.nullable}
    table.write(path, [{**blank, **row} for row in rows], {"skipped": skipped} if skipped else {})
    return path


def write_pairs(folder: Path, dataset: str, model: str, prompts: str, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write the table `pairs` of a cell, of evaluable phrases."""
    phrase = {"kind": "phrase", "evaluable": True}
    return write_cell(PAIRS, folder, (dataset, model, prompts), [{**phrase, **row} for row in rows])
