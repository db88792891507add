"""The reference images of figures in tests/images: what counts as a difference, and that each is compared."""

import pytest
from matplotlib.figure import Figure

from tests.helpers.reference_images import FOLDER, check_image, count_different_pixels, render_pixels
from tests.helpers.source_files import ROOT


def draw_text(text="0.93 [0.81, 0.99]", x=0.3, colour="0.35", size=6):
    figure = Figure(figsize=(3.5, 1))
    figure.text(x, 0.5, text, fontsize=size, color=colour)
    return figure


@pytest.mark.parametrize(
    "changed",
    [{"text": "0.93 [0.81, 0.98]"}, {"x": 0.3 + 1 / 224}, {"colour": "#D55E00"}, {"size": 6.5}, {"text": ""}],
    ids=["letter", "moved by a pixel", "colour", "size", "absent"],
)
def test_a_change_of_the_smallest_text_is_a_difference(changed):
    before = render_pixels(draw_text())
    assert count_different_pixels(before, render_pixels(draw_text())) == 0
    assert count_different_pixels(before, render_pixels(draw_text(**changed))) > 0


def test_a_figure_that_differs_is_written_beside_the_message(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.helpers.reference_images.FOLDER", tmp_path / "images")
    check_image(draw_text(), "text", tmp_path, write=True)
    check_image(draw_text(), "text", tmp_path, write=False)
    with pytest.raises(AssertionError, match=r"text\.png: \d+ pixels differ"):
        check_image(draw_text("0.39"), "text", tmp_path, write=False)
    assert (tmp_path / "text.png").is_file()
    wide = Figure(figsize=(4, 1))
    with pytest.raises(AssertionError, match="it has 256 × 64 px, not 224 × 64"):
        check_image(wide, "text", tmp_path, write=False)
    with pytest.raises(AssertionError, match=r"other.png is missing: write it with `pytest --write-images`"):
        check_image(wide, "other", tmp_path, write=False)


def test_each_image_is_compared_by_a_test_and_all_are_small():
    images = sorted(FOLDER.glob("*"))
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests/unit").rglob("test_*.py"))
    assert images and sum(file.stat().st_size for file in images) <= 300_000
    for file in images:
        assert f'"{file.stem}")' in code, f"{file} is compared by no test: remove it"
