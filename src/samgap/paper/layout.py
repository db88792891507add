"""Place panels of a figure by inches from its upper left corner, and wrap text to a width in inches."""

import functools

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from samgap.paper.style import MIN_FONT_SIZE_PT


def add_panel(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes without a frame for an image.

    Args:
        figure: The figure; its size is final.
        left: Distance of the left edge from that of the figure, inches.
        top: Distance of the upper edge from that of the figure, inches.
        width: Width, inches. A narrower image is centred.
        height: Height, inches. A lower image is aligned to the upper edge.
    """
    x, y = from_top_left(figure, left, top + height)
    total_width, total_height = figure.get_size_inches()
    axes = figure.add_axes((x, y, width / total_width, height / total_height))
    axes.set_axis_off()
    axes.set_anchor("N")
    return axes


def from_top_left(figure: Figure, left: float, top: float) -> tuple[float, float]:
    """Return the figure coordinates (0 to 1, from the lower left corner) of a point in inches from the upper left."""
    width, height = figure.get_size_inches()
    return left / width, 1 - top / height


@functools.cache
def text_width(text: str) -> float:
    """Return the width of `text` in the smallest font size, inches."""
    if not text:
        return 0.0
    path = TextPath((0, 0), text, size=MIN_FONT_SIZE_PT, prop=FontProperties(family="DejaVu Sans"))
    return float(path.get_extents().width) / 72


def wrap_text(text: str, width: float, max_lines: int) -> list[str]:
    """Wrap `text`, in the smallest font size, to at most `max_lines` lines of `width` inches.

    A single word that is wider gets a separate line. Text that does not fit is replaced by " …".
    """
    lines: list[str] = []
    words = text.split()
    for word in words:
        if lines and text_width(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        elif len(lines) < max_lines:
            lines.append(word)
        else:
            last_words = lines[-1].split()
            while len(last_words) > 1 and text_width(" ".join([*last_words, "…"])) > width:
                last_words.pop()
            lines[-1] = " ".join([*last_words, "…"])
            break
    return lines
