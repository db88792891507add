import pytest

from samgap.paper.diagram import Diagram, text_height
from tests.helpers.drawn_texts import list_cut_texts, measure_texts


def test_positions_are_inches_from_the_upper_left_corner():
    drawing = Diagram(3.5, 2)
    drawing.add_text(1, 0.5, "here", ha="left", va="top")
    ((_, box),) = measure_texts(drawing.figure)
    assert box.x0 == pytest.approx(1, abs=0.01) and box.y1 == pytest.approx(1.5, abs=0.01)
    assert list_cut_texts(drawing.figure) == []


def test_wrapped_text_keeps_its_width_and_height():
    drawing = Diagram(3.5, 2)
    n_lines = drawing.add_wrapped(0.2, 0.2, "many words that need several lines of text " * 2, 1.0)
    ((text, box),) = measure_texts(drawing.figure)
    assert len(text.get_text().splitlines()) == n_lines > 2
    assert box.width <= 1.01 and box.height <= text_height(n_lines) + 0.01


def test_a_block_has_its_text_beside_the_strip_of_its_origin():
    drawing = Diagram(3.5, 2)
    drawing.add_block(1, 1, 1, 0.3, "encoder", "encoder")
    block, strip = drawing.axes.patches
    assert (block.get_width(), strip.get_width()) == (1, pytest.approx(0.09))
    assert strip.get_hatch() == "...." and block.get_hatch() is None
    ((_, box),) = measure_texts(drawing.figure)
    assert box.x0 > 1.09 and box.x1 < 2


def test_an_arrow_ends_at_its_last_point():
    drawing = Diagram(3.5, 2)
    drawing.add_arrow([(0.5, 0.5), (1.5, 0.5), (1.5, 1)])
    (arrow,) = drawing.axes.patches
    assert drawing.axes.get_ylim() == (2, 0)
    assert arrow.get_arrowstyle().__class__.__name__ == "CurveFilledB"
