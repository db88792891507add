"""Find texts of a figure that overlap, or that are cut at its edges."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from samgap.paper.style import MARGIN_IN, MIN_FONT_SIZE_PT

TOLERANCE_PT = 1.0
"""By this much the boxes of two texts may overlap: a box is as high as the tallest letters of the font."""


def measure_texts(figure: Figure) -> list[tuple[Text, Bbox]]:
    """Return each visible text and its box in inches from the lower left corner of the figure."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    texts = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    return [(text, text.get_window_extent(renderer).transformed(figure.dpi_scale_trans.inverted())) for text in texts]


def list_overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Return the pairs of texts whose boxes overlap."""
    boxes = measure_texts(figure)
    tolerance = TOLERANCE_PT / 72
    return [
        (one.get_text(), other.get_text())
        for number, (one, box) in enumerate(boxes)
        for other, other_box in boxes[number + 1 :]
        if min(box.x1, other_box.x1) - max(box.x0, other_box.x0) > tolerance
        and min(box.y1, other_box.y1) - max(box.y0, other_box.y0) > tolerance
    ]


def list_cut_texts(figure: Figure, margin: float = MARGIN_IN / 2) -> list[str]:
    """Return the texts that are nearer than `margin` inches to an edge of the figure, or beyond it."""
    width, height = figure.get_size_inches()
    return [
        text.get_text()
        for text, box in measure_texts(figure)
        if box.x0 < margin or box.y0 < margin or box.x1 > width - margin or box.y1 > height - margin
    ]


def list_small_texts(figure: Figure) -> list[str]:
    """Return the texts that are smaller than the smallest size allowed."""
    return [text.get_text() for text, _ in measure_texts(figure) if text.get_fontsize() < MIN_FONT_SIZE_PT]


def check_texts(figure: Figure) -> None:
    """Fail if a text overlaps another, is cut, or is too small."""
    assert list_overlaps(figure) == []
    assert list_cut_texts(figure) == []
    assert list_small_texts(figure) == []
