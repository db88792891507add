"""Plots of figures: axes by inches, the look of each line, and a legend above the panels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from samgap.paper import style
from samgap.paper.layout import from_top_left, wrap_text

LEGEND_LINE_IN = 0.13
"""Height of a line of a legend, inches."""
SWATCH_IN = 0.32
"""Width of the line that a legend entry explains, inches."""
EDGE_IN = style.MARGIN_IN
"""Distance of texts from the left and right edges of the figure, inches."""
FOOTNOTE_LINE_IN = 0.11
"""Height of a line of text at the bottom, inches."""

_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))
_MARKERS = ("o", "s", "D", "^")


@dataclass(frozen=True)
class LineLook:
    """Colour, dashes and marker of a line."""

    colour: str
    dashes: Any = "-"
    marker: str = "o"


@dataclass(frozen=True)
class LegendEntry:
    """A line of a legend; `line` has options of `Line2D` for the sample, or is None for a text alone."""

    text: str
    line: Mapping[str, Any] | None = None


def assign_looks(models: Mapping[str, Mapping[str, Any]], keys: Iterable[tuple[str, ...]]) -> dict[Any, LineLook]:
    """Return the look of each line: the colour is that of the model's family, dashes and marker tell its lines apart.

    Args:
        models: All models of the configuration, by id.
        keys: What identifies each line; the first item is the id of its model.
    """
    looks: dict[Any, LineLook] = {}
    counts: dict[str, int] = {}
    for key in dict.fromkeys(keys):
        colour = style.family_colour(models.get(key[0], {}).get("family", ""))
        number = counts.get(colour, 0)
        counts[colour] = number + 1
        looks[key] = LineLook(colour, _DASHES[number % len(_DASHES)], _MARKERS[number % len(_MARKERS)])
    return looks


def add_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes with a light grid; inches from the upper left corner of the figure, whose size is final."""
    x, y = from_top_left(figure, left, top + height)
    total_width, total_height = figure.get_size_inches()
    axes = figure.add_axes((x, y, width / total_width, height / total_height))
    axes.grid(color="0.9", lw=0.5)
    axes.set_axisbelow(True)
    return axes


def wrap_entries(entries: Sequence[LegendEntry]) -> list[list[str]]:
    """Return the lines of each entry of a legend, as wide as the figure."""
    width = style.FIGURE_WIDTH_IN - 2 * EDGE_IN - SWATCH_IN - 0.1
    return [wrap_text(entry.text, width, 3) for entry in entries]


def measure_legend(entries: Sequence[LegendEntry]) -> float:
    """Return the height of a legend, inches."""
    return LEGEND_LINE_IN * sum(map(len, wrap_entries(entries))) + EDGE_IN


def draw_legend(figure: Figure, entries: Sequence[LegendEntry], top: float = EDGE_IN) -> None:
    """Draw a legend across the figure, one entry below the other, `top` inches below the upper edge."""
    for entry, lines in zip(entries, wrap_entries(entries), strict=True):
        x, y = from_top_left(figure, EDGE_IN + SWATCH_IN + 0.06, top)
        figure.text(x, y, "\n".join(lines), va="top", fontsize=style.MIN_FONT_SIZE_PT, linespacing=1.3, gid="legend")
        if entry.line is not None:
            x0, y = from_top_left(figure, EDGE_IN, top + LEGEND_LINE_IN / 2 - 0.01)
            x1 = x0 + SWATCH_IN / figure.get_size_inches()[0]
            figure.add_artist(Line2D([x0, (x0 + x1) / 2, x1], [y] * 3, markevery=[1], **entry.line))
        top += LEGEND_LINE_IN * len(lines)


def draw_heading(figure: Figure, text: str, top: float) -> None:
    """Write what a row of panels shows, bold, `top` inches below the upper edge."""
    x, y = from_top_left(figure, EDGE_IN, top)
    (line,) = wrap_text(text, style.FIGURE_WIDTH_IN * 0.85, 1) or [""]
    figure.text(x, y, line, va="top", fontweight="bold", fontsize=style.MIN_FONT_SIZE_PT, gid="heading")


def wrap_footnote(text: str) -> list[str]:
    """Return the lines of a text at the bottom, as wide as the figure."""
    return wrap_text(text, style.FIGURE_WIDTH_IN - 2 * EDGE_IN, 6)


def draw_footnotes(figure: Figure, lines: Sequence[str]) -> None:
    """Write lines above the margin of the demo stamp."""
    if lines:
        width, height = figure.get_size_inches()
        figure.text(
            EDGE_IN / width, style.STAMP_MARGIN_IN / height, "\n".join(lines), va="bottom",
            fontsize=style.MIN_FONT_SIZE_PT, gid="footnotes",
        )  # fmt: skip
