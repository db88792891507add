from samgap.paper.no_data import draw_no_data, join_reasons
from samgap.paper.style import figure_style
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import list_texts


def test_the_drawing_has_the_reason_alone_and_a_long_one_is_wrapped():
    with figure_style():
        figure = draw_no_data("skipped: weights not available " * 15)
        check_texts(figure)
    (text,) = list_texts(figure)
    assert text.startswith("no data: skipped: weights not available skipped")


def test_reasons_are_joined_once_each():
    assert (
        join_reasons(["skipped: a", None, "skipped: a"], "none") == "skipped: a; no value: the table states no reason"
    )
    assert join_reasons([], "no experiment") == "no experiment"
