"""The rows behind a figure or table, as CSV: what is drawn, in full precision."""

from pathlib import Path

import pandas as pd

from samgap.io.files import atomic_write


def write_csv(path: str | Path, rows: pd.DataFrame) -> None:
    """Write `rows` as CSV (floats as the shortest text that reads back the same), whole or not at all."""
    with atomic_write(path) as temporary:
        rows.to_csv(temporary, index=False, lineterminator="\n")


def select_experiments(estimates: pd.DataFrame, experiments: list[str]) -> pd.DataFrame:
    """The rows of table `estimates` that belong to `experiments`, experiment by experiment, else in their order."""
    order = {name: number for number, name in enumerate(experiments)}
    rows = estimates[estimates["experiment"].isin(experiments)]
    return rows.sort_values("experiment", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
