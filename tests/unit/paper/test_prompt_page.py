import pytest

from samgap.errors import UserError
from samgap.paper import style
from samgap.paper.prompt_page import LEGEND_HEIGHT, MIN_WIDTH, NAME_HEIGHT, TEXT_LINE_HEIGHT, fit_page


def test_sets_are_side_by_side_only_as_far_as_the_height_needs():
    few, many = (fit_page([["", ""]] * count, aspect=1) for count in (2, 17))
    assert few.sets_per_line == 1 and many.sets_per_line > 1
    assert few.width > many.width >= MIN_WIDTH
    assert many.height <= style.MAX_FIGURE_HEIGHT_IN


def test_images_stay_within_the_margins():
    page = fit_page([["", "", ""]] * 9, aspect=0.7)
    for set_index in range(9):
        assert page.image_corner(set_index, 0)[0] >= style.MARGIN_IN - 1e-9
        assert page.image_corner(set_index, 2)[0] + page.width <= style.FIGURE_WIDTH_IN - style.MARGIN_IN + 1e-9


def test_a_line_of_sets_leaves_space_for_its_longest_text():
    texts = [["short", "a text of many words " * 3], ["", ""], ["", ""]]
    page = fit_page(texts, aspect=1)
    n_lines = len(page.texts[0][1])
    assert page.sets_per_line == 1 and n_lines > 1
    assert page.image_corner(0, 0)[1] == pytest.approx(LEGEND_HEIGHT + NAME_HEIGHT + n_lines * TEXT_LINE_HEIGHT)
    steps = [page.image_corner(index, 0)[1] - page.image_corner(index - 1, 0)[1] for index in (1, 2)]
    assert steps[0] == pytest.approx(steps[1])  # neither has a text of its own
    assert page.name_bottom(0) < page.image_corner(0, 0)[1] - n_lines * TEXT_LINE_HEIGHT


def test_too_many_images_are_an_error():
    with pytest.raises(UserError, match="200 prompt sets on 2 images each do not fit on a page; name fewer"):
        fit_page([["", ""]] * 200, aspect=1)
