"""Read rows of Parquet tables for figures and tables of the paper, and write text files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from samgap.io.files import atomic_write


def write_csv(path: str | Path, rows: pd.DataFrame) -> None:
    """Write `rows` as CSV, atomically; floats as the shortest text that reads back as the same number."""
    with atomic_write(path) as temporary:
        rows.to_csv(temporary, index=False, lineterminator="\n")


def select_experiments(estimates: pd.DataFrame, experiments: list[str]) -> pd.DataFrame:
    """Return the rows of table `estimates` of `experiments`, in the order of `experiments`, then in table order."""
    order = {name: number for number, name in enumerate(experiments)}
    rows = estimates[estimates["experiment"].isin(experiments)]
    return rows.sort_values("experiment", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)


def iterate_rows(table: pd.DataFrame) -> Iterator[Any]:
    """Yield each row of `table` as a named tuple, untyped: cells may hold lists."""
    return iter(table.itertuples())


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
