"""The drawing of a figure without data, and the reason for it."""

import textwrap
from collections.abc import Iterable

import pandas as pd
from matplotlib.figure import Figure

from samgap.paper import style
from samgap.paper.notes import format_note

HEIGHT_IN = 1.2
MAX_CHARS = 110


def draw_no_data(reason: str) -> Figure:
    """Return a figure with the text `no data: <reason>` alone."""
    figure = Figure(figsize=(style.FIGURE_WIDTH_IN, HEIGHT_IN))
    text = "\n".join(textwrap.wrap(f"no data: {reason}", MAX_CHARS)[:7])
    figure.text(0.5, 0.5, text, ha="center", va="center", style="italic", gid="no-data")
    return figure


def join_reasons(notes: Iterable[str | None], absent: str) -> str:
    """Return the different notes of rows without a value, joined.

    Args:
        notes: The notes; null where there is no reason.
        absent: Returned if there is no row.
    """
    reasons = dict.fromkeys(format_note(note) for note in notes)
    return "; ".join(reasons) or absent


def find_skip(notes: pd.Series) -> str | None:
    """Return the first note that says that a cell was skipped; None without one."""
    skipped = notes.dropna()[notes.dropna().str.startswith("skipped")]
    return None if skipped.empty else str(skipped.iat[0])
