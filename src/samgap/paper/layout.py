"""Place panels of a figure by inches from its upper left corner."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure


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
