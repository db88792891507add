import matplotlib
import pytest
from matplotlib.figure import Figure

from samgap.paper import style


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
    with matplotlib.rc_context({"lines.linewidth": 9, "svg.fonttype": "none", "axes.grid": True}):
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
