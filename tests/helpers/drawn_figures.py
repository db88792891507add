"""Demands on every figure: the same files when it is drawn again, the stamp of the demo, and a reason without data."""

from pathlib import Path

from matplotlib.figure import Figure

from samgap.paper.figures import FigureRequest
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import list_texts, save_figure


def check_same_bytes_and_stamp(request: FigureRequest, folder: Path) -> None:
    """Draw a figure of demo models twice; fail if a file differs, or has no stamp."""
    first, second = (save_figure(request, folder / name) for name in "ab")
    for file_format in first:
        assert first[file_format].read_bytes() == second[file_format].read_bytes(), file_format
    assert 'id="demo-stamp"' in first["svg"].read_text(encoding="utf-8")


def check_no_data(figure: Figure, reason: str) -> None:
    """Fail if a figure has anything but the text `no data: …` with `reason`."""
    (text,) = list_texts(figure)
    assert text.startswith("no data: ") and reason in text
    check_texts(figure)
