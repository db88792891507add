"""Place texts at the objects of an image, so that they neither overlap nor leave the image."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from samgap.paper.layout import text_width
from samgap.paper.style import MIN_FONT_SIZE_PT

Rectangle = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the image."""

BOLD_WIDTH = 1.16
"""Width of bold text relative to regular text, at least."""
LINE_HEIGHT = 1.25
"""Height of a line relative to the font size."""


class TextPlacer:
    """Positions of bold texts in the smallest font size.

    Args:
        axes: Axes in which the image is drawn, in its pixels; the size of the figure is final.
    """

    def __init__(self, axes: Axes) -> None:
        axes.apply_aspect()
        (left, _), (right, _) = axes.transData.transform([(0, 0), (1, 0)])
        figure = axes.get_figure(root=True)
        assert figure is not None  # the axes are on a page
        self._pixels_per_inch = figure.dpi / (right - left)
        self._width = sorted(axes.get_xlim())
        self._height = sorted(axes.get_ylim())
        self._taken: list[Rectangle] = []

    def place(self, text: str, box: Sequence[float]) -> tuple[float, float]:
        """Return the centre of a text at an object with the box x0, y0, x1, y1, and keep that place free.

        The first of these places is chosen that overlaps no other text, else the one that overlaps least: above the
        object, below it, to its right, to its left. Each is moved into the image.
        """
        width = (BOLD_WIDTH * text_width(text) + 2 / 72) * self._pixels_per_inch
        height = LINE_HEIGHT * MIN_FONT_SIZE_PT / 72 * self._pixels_per_inch
        x0, y0, x1, y1 = box
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        centres = [(x, y0 - height / 2), (x, y1 + height / 2), (x1 + width / 2, y), (x0 - width / 2, y)]
        places = [
            _make_rectangle(_clip(x, width, self._width), _clip(y, height, self._height), width, height)
            for x, y in centres
        ]
        # A place that was moved into the image can hide the object itself; that is the last resort.
        best = min(
            range(len(places)),
            key=lambda index: (
                sum(_overlap(places[index], other) for other in self._taken),
                round(_overlap(places[index], (x0, y0, x1, y1)), 3),
            ),
        )
        self._taken.append(places[best])
        x0, y0, x1, y1 = places[best]
        return (x0 + x1) / 2, (y0 + y1) / 2


def _make_rectangle(x: float, y: float, width: float, height: float) -> Rectangle:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _clip(centre: float, size: float, limits: Sequence[float]) -> float:
    """Return the centre nearest to `centre` with which `size` is within `limits`."""
    return min(max(centre, limits[0] + size / 2), max(limits[1] - size / 2, limits[0] + size / 2))


def _overlap(one: Rectangle, other: Rectangle) -> float:
    """Return the area that two rectangles share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)
