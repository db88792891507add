import matplotlib
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from samgap.paper import style
from tests.helpers.drawn_texts import measure_texts


def test_each_family_has_its_own_fixed_colour():
    assert len(set(style.FAMILY_COLOURS.values())) == len(style.FAMILY_COLOURS)
    assert style.family_colour("sam2") == style.FAMILY_COLOURS["sam2"]
    assert style.family_colour("another") == style.family_colour("another") not in style.FAMILY_COLOURS.values()


def test_the_users_matplotlib_settings_have_no_effect_and_are_restored(tmp_path):
    def draw(name):
        with style.figure_style():
            figure = Figure(figsize=(2, 1))
            figure.add_subplot().plot([0, 1], label="a")
            style.save_figure(figure, [tmp_path / f"{name}.svg"], stamp_demo=False)
        return (tmp_path / f"{name}.svg").read_bytes()

    plain = draw("plain")
    with matplotlib.rc_context({"lines.linewidth": 9, "svg.fonttype": "path", "axes.grid": True}):
        assert draw("own") == plain
        assert matplotlib.rcParams["lines.linewidth"] == 9


def test_a_failed_save_leaves_no_file(tmp_path):
    with style.figure_style(), pytest.raises(KeyError):
        style.save_figure(Figure(), [tmp_path / "figure.bmp"], stamp_demo=False)
    assert not list(tmp_path.iterdir())


def test_a_demo_model_is_one_marked_in_the_configuration():
    models = {"a": {"demo": True}, "b": {"demo": False}, "c": {}}
    assert style.has_demo_model(models, ["c", "a"])
    assert not style.has_demo_model(models, ["b", "c", "unknown"])


def test_text_of_an_svg_file_is_text(tmp_path):
    with style.figure_style():
        figure = Figure(figsize=(2, 1))
        figure.text(0.5, 0.5, "find me")
        style.save_figure(figure, [tmp_path / "figure.svg"], stamp_demo=False)
    assert ">find me</text>" in (tmp_path / "figure.svg").read_text(encoding="utf-8")


def test_a_png_file_has_no_transparency_and_states_its_resolution(tmp_path):
    with style.figure_style():
        figure = Figure(figsize=(2, 1))
        style.save_figure(figure, [tmp_path / "figure.png"], stamp_demo=False)
    with Image.open(tmp_path / "figure.png") as image:
        assert image.mode == "RGB" and image.size == (600, 300)
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)


@pytest.mark.parametrize("colours", [style.FAMILY_COLOURS, style.ORIGIN_COLOURS])
def test_colours_differ_in_grey_or_have_another_hatching(colours):
    def lightness(colour):
        red, green, blue = to_rgb(colour)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    names = list(colours)
    for number, one in enumerate(names):
        for other in names[number + 1 :]:
            hatches = style.ORIGIN_HATCHES.get(one), style.ORIGIN_HATCHES.get(other)
            assert abs(lightness(colours[one]) - lightness(colours[other])) > 0.04 or hatches[0] != hatches[1]


def test_a_tint_is_opaque_and_between_the_colour_and_white():
    assert style.blend("#000000", 0) == (1, 1, 1)
    assert style.blend("#FF0000", 1) == (1, 0, 0)
    assert style.blend("#000000", 0.25) == (0.75, 0.75, 0.75)


def test_a_panel_letter_has_its_upper_left_corner_at_the_point():
    with style.figure_style():
        figure = Figure(figsize=(2, 1))
        style.add_panel_letter(figure, "a", 0.1, 0.9)
        ((text, box),) = measure_texts(figure)
    assert (text.get_text(), text.get_gid()) == ("a", "panel-a")
    assert box.x0 == pytest.approx(0.2, abs=0.02) and box.y1 == pytest.approx(0.9, abs=0.03)
