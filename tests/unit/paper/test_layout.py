import pytest
from matplotlib.figure import Figure

from samgap.paper import layout


def test_a_panel_is_placed_from_the_upper_left_corner():
    figure = Figure(figsize=(4, 2))
    bounds = layout.add_panel(figure, left=1, top=0.5, width=2, height=1).get_position().bounds
    assert bounds == pytest.approx((0.25, 0.25, 0.5, 0.5))
    assert layout.from_top_left(figure, 1, 0.5) == pytest.approx((0.25, 0.75))


@pytest.mark.parametrize("width", [0.5, 1.0, 1.6])
def test_wrapped_lines_are_not_wider_than_the_width(width):
    text = "scene-00032: flower 3, apple 2, orange 2, ignored 1; density sparse, lighting shade"
    lines = layout.wrap_text(text, width, max_lines=20)
    assert " ".join(lines) == text
    assert all(layout.text_width(line) <= width or " " not in line for line in lines)
    assert layout.text_width(f"{lines[0]} {lines[1].split()[0]}") > width


def test_text_beyond_the_last_line_is_replaced_by_an_ellipsis():
    lines = layout.wrap_text("word " * 40, 1.0, max_lines=2)
    assert len(lines) == 2 and lines[1].endswith(" …")
    assert layout.text_width(lines[1]) <= 1.0
    assert layout.wrap_text("", 1.0, max_lines=2) == []
