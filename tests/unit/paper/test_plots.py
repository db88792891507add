import pytest
from matplotlib.figure import Figure

from samgap.paper.plots import LEGEND_LINE_IN, LegendEntry, add_axes, assign_looks, draw_legend, measure_legend
from samgap.paper.style import figure_style
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS


def test_lines_of_one_family_share_the_colour_and_differ_in_dashes_and_marker():
    looks = assign_looks(MODELS, [("sam3",), ("sam2-large",), ("sam3-demo",), ("sam3",)])
    assert list(looks) == [("sam3",), ("sam2-large",), ("sam3-demo",)]
    sam3, sam2, demo = looks.values()
    assert sam3.colour == demo.colour != sam2.colour
    assert sam3.dashes != demo.dashes and sam3.marker != demo.marker
    assert sam3.dashes == sam2.dashes == "-"


def test_axes_are_where_the_inches_say():
    figure = Figure(figsize=(7.16, 4))
    box = add_axes(figure, 0.5, 1.0, 2.0, 1.5).get_position()
    assert [box.x0 * 7.16, (1 - box.y1) * 4, box.width * 7.16, box.height * 4] == pytest.approx([0.5, 1.0, 2.0, 1.5])


def test_a_long_entry_of_a_legend_is_wrapped_and_the_height_counts_its_lines():
    entries = [LegendEntry("short", {"color": "red"}), LegendEntry("a long text " * 20), LegendEntry("last")]
    height = measure_legend(entries)
    assert height == pytest.approx(5 * LEGEND_LINE_IN, abs=0.07)  # 1 + 3 + 1 lines, and the edge
    with figure_style():
        figure = Figure(figsize=(7.16, height + 0.2))
        draw_legend(figure, entries)
        check_texts(figure)
