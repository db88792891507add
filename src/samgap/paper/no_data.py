"""The drawing of a figure without data, and the reason for it."""

import textwrap
from collections.abc import Callable, Iterable

import pandas as pd
from matplotlib.figure import Figure

from samgap.paper import style
from samgap.paper.notes import format_note
from samgap.paper.requests import FigureOutput

HEIGHT_IN = 1.2
MAX_CHARS = 110


def draw_no_data(reason: str) -> Figure:
    """Return a figure with the text `no data: <reason>` alone."""
    figure = Figure(figsize=(style.FIGURE_WIDTH_IN, HEIGHT_IN))
    text = "\n".join(textwrap.wrap(f"no data: {reason}", MAX_CHARS)[:7])
    figure.text(0.5, 0.5, text, ha="center", va="center", style="italic", gid="no-data")
    return figure


def draw_or_explain(rows: pd.DataFrame, has_data: bool, absent: str, draw: Callable[[], Figure]) -> FigureOutput:
    """Return the figure of some rows, or one with the reasons for which no row has a value.

    Args:
        rows: The rows of the CSV file, with the columns `model` and `note`.
        has_data: Whether there is something to draw.
        absent: The reason if no row has a note.
        draw: Draws the rows; only called with data.
    """
    figure = draw() if has_data else draw_no_data(join_reasons(rows["note"].dropna(), absent))
    return FigureOutput(figure, rows, list(dict.fromkeys(rows["model"])))


def join_reasons(notes: Iterable[str | None], absent: str) -> str:
    """Return the different notes of rows without a value, joined.

    Args:
        notes: The notes; null where there is no reason.
        absent: Returned if there is no row.
    """
    reasons = dict.fromkeys(format_note(note) for note in notes)
    return "; ".join(reasons) or absent
