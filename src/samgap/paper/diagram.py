"""Draw blocks, arrows and texts by inches from the upper left corner of a figure."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.path import Path
from matplotlib.text import Text

from samgap.paper import style
from samgap.paper.layout import text_width, wrap_text

STRIP_WIDTH = 0.09
"""Width of the strip at the left of a block that has its colour and hatching, inches."""
CAPITAL_HEIGHT = 0.73
"""Height of a capital of the font relative to the font size."""
LINE_HEIGHT = 1.2
"""Height of a line of text relative to the font size."""
Point = tuple[float, float]


class Diagram:
    """A figure in which all positions are inches from the upper left corner.

    Args:
        width: Width of the figure, inches.
        height: Height of the figure, inches.
    """

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width, height))
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(height, 0)
        self.axes.set_axis_off()

    def add_text(self, x: float, y: float, text: str, **options: Any) -> Text:
        """Write a text in the smallest size; `options` are those of matplotlib."""
        defaults = {"fontsize": style.MIN_FONT_SIZE_PT, "va": "center", "linespacing": 1.15}
        options = {**defaults, **options}
        if options["va"] == "center" and "\n" not in text:
            # Texts of one line are placed by their baseline: letters with and without descenders are then in line.
            options["va"] = "baseline"
            y += CAPITAL_HEIGHT / 2 * options["fontsize"] / 72
        return self.axes.text(x, y, text, **options)

    def add_wrapped(self, x: float, y: float, text: str, width: float, max_lines: int = 9, **options: Any) -> int:
        """Write a text in lines of `width` inches, from the upper left corner; returns the number of lines."""
        lines = wrap_text(text, width, max_lines)
        self.add_text(x, y, "\n".join(lines), **{"va": "top", **options})
        return len(lines)

    def add_rectangle(self, x: float, y: float, width: float, height: float, colour: Any, **options: Any) -> None:
        """Fill a rectangle; without an edge unless `options` have one."""
        self.axes.add_patch(Rectangle((x, y), width, height, fc=colour, **{"ec": "none", "lw": 0, **options}))

    def add_band(self, x: float, y: float, width: float, height: float, colour: Any, **options: Any) -> None:
        """Fill a rectangle with round corners, below everything else."""
        shape = FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=0.06", fc=colour,
                               **{"ec": "none", "zorder": 0, **options})  # fmt: skip
        self.axes.add_patch(shape)

    def add_block(
        self, x: float, y: float, width: float, height: float, text: str, origin: str, **options: Any
    ) -> None:
        """Draw a block with a text, and a strip with the colour and the hatching of an origin at its left."""
        colour = style.ORIGIN_COLOURS[origin]
        self.add_rectangle(x, y, width, height, style.blend(colour, 0.16), ec=colour, lw=0.6, **options)
        self.add_swatch(x, y, STRIP_WIDTH, height, origin)
        self.add_text(x + (STRIP_WIDTH + width) / 2, y + height / 2, text, ha="center", zorder=3)

    def add_swatch(self, x: float, y: float, width: float, height: float, origin: str) -> None:
        """Fill a rectangle with the colour and the hatching of an origin."""
        colour, hatch = style.ORIGIN_COLOURS[origin], style.ORIGIN_HATCHES[origin]
        self.add_rectangle(x, y, width, height, colour, ec="white" if hatch else colour, hatch=hatch, lw=0, zorder=2)

    def add_legend(self, x: float, y: float, labels: Mapping[str, str], line_height: float = 0) -> None:
        """Write what the colours of some origins mean, in one line or, with a `line_height`, below each other."""
        for origin, label in labels.items():
            self.add_swatch(x, y - 0.05, 2 * STRIP_WIDTH, 0.1, origin)
            self.add_text(x + 2 * STRIP_WIDTH + 0.05, y, label)
            y += line_height
            x += 0 if line_height else 2 * STRIP_WIDTH + text_width(label) + 0.25

    def add_arrow(self, points: Sequence[Point], **options: Any) -> None:
        """Draw an arrow along straight lines; its head is at the last point."""
        path = Path(points, [Path.MOVETO] + [Path.LINETO] * (len(points) - 1))
        self.axes.add_patch(
            FancyArrowPatch(path=path, arrowstyle="-|>,head_length=2.2,head_width=1.3", shrinkA=0, shrinkB=0,
                            **{"color": "0.3", "lw": 0.7, "joinstyle": "miter", "zorder": 1.5, **options})
        )  # fmt: skip


def text_height(n_lines: int, size: float = style.MIN_FONT_SIZE_PT) -> float:
    """Return the height of lines of text, inches."""
    return n_lines * LINE_HEIGHT * size / 72
