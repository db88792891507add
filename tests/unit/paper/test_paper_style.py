import matplotlib
import pytest
from matplotlib.figure import Figure

from samgap.errors import UserError
from samgap.paper import captions, labels, notes, style


def test_families_have_fixed_colours_of_their_own():
    assert len(set(style.FAMILY_COLOURS.values())) == len(style.FAMILY_COLOURS)
    assert style.family_colour("sam2") == style.FAMILY_COLOURS["sam2"]
    assert style.family_colour("another") == style.family_colour("another") not in style.FAMILY_COLOURS.values()


def test_users_own_settings_change_nothing(tmp_path):
    def drawn(name):
        with style.figure_style():
            figure = Figure(figsize=(2, 1))
            figure.add_subplot().plot([0, 1], label="a")
            style.save_figure(figure, [tmp_path / f"{name}.svg"], stamp_demo=False)
        return (tmp_path / f"{name}.svg").read_bytes()

    plain = drawn("plain")
    with matplotlib.rc_context({"lines.linewidth": 9, "svg.fonttype": "none", "axes.grid": True}):
        assert drawn("own") == plain
        assert matplotlib.rcParams["lines.linewidth"] == 9


def test_a_failed_save_leaves_no_file(tmp_path):
    with style.figure_style(), pytest.raises(KeyError):
        style.save_figure(Figure(), [tmp_path / "figure.bmp"], stamp_demo=False)
    assert not list(tmp_path.iterdir())


def test_notes_are_shortened_and_lettered():
    note = "skipped: weights not available (facebook/sam3 is gated: ask for access)"
    assert notes.shorten_note(note, 16) == "skipped: weights\nnot available"
    assert notes.shorten_note("not evaluable: " + "word " * 20, 20, 2).endswith("…")
    assert all(len(line) <= 20 for line in notes.shorten_note("not evaluable: " + "word " * 20, 20, 2).splitlines())
    assert notes.note_kind(note) == "skipped"
    assert notes.note_kind("not evaluable: no labels") == "not evaluable"
    assert notes.format_note(None).startswith("no value")
    footnotes = notes.Footnotes()
    assert [footnotes.add(text) for text in ("x", "y", "x")] == ["a", "b", "a"]
    assert footnotes.entries() == [("a", "x"), ("b", "y")]
    assert [footnotes.add(str(number)) for number in range(26)][-3:] == ["z", "a2", "b2"]


def test_labels():
    assert labels.metric_label("iou") == "IoU"
    assert labels.metric_label("hausdorff-95") == "HD95 (px)" and labels.metric_decimals("hausdorff-95") == 1
    assert labels.format_range([60, 60]) == "60"
    assert labels.format_range([1200, 57]) == "57–1,200"
    assert labels.model_label({"a": {"label": "A"}}, "a") == "A"
    assert labels.model_label({}, "b") == "b"


def test_caption_is_the_docstring(tmp_path):
    script = tmp_path / "figure.py"
    script.write_text('"""What is seen.\n\nMore.\n"""\nimport nothing_at_all\n')
    assert captions.read_caption(script) == "What is seen.\n\nMore."
    script.write_text("x = 1\n")
    with pytest.raises(UserError, match="no docstring"):
        captions.read_caption(script)
