"""How every figure looks: sizes, fonts, colours, and files that come out the same byte for byte."""

import contextlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from samgap.files import replacing

WIDTH = 7.16
"""Width of a figure over both columns, inches."""
HEIGHT = 9.2
"""The most that a figure may be high, inches."""
FOOT = 0.2
"""Inches at the bottom that every figure leaves free for its stamp."""
SMALL = 6.0
"""The smallest text, points."""

# Okabe and Ito, Color Universal Design (2008): distinct for all common kinds of colour vision.
_ORANGE, _SKY, _GREEN, _YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
_BLUE, _VERMILLION, _PURPLE, _GREY = "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F"

FAMILIES = {"sam2": _BLUE, "sam3": _VERMILLION, "shape": _GREY}
_OTHER_FAMILIES = (_GREEN, _PURPLE, _ORANGE, _SKY)

INSTANCES = (_ORANGE, _SKY, _YELLOW, _PURPLE, _VERMILLION, _BLUE)
"""Colours of neighbouring objects, used in turn (no green: they lie on foliage)."""

_RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so the same on every machine
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": SMALL,
    "pdf.fonttype": 42,  # fonts embedded as TrueType, as publishers ask
    "svg.fonttype": "path",  # glyphs as outlines: looks the same where the font is not installed
    "svg.hashsalt": "samgap",
    "path.simplify": False,
    "text.parse_math": False,  # a dollar in a phrase or a file name is a dollar
    "savefig.dpi": 300,
    "figure.dpi": 300,
}

# Nothing that changes from one run to the next; None leaves a field out.
_METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "ModDate": None},
    "svg": {"Date": None},
    "png": {},
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw and save a figure inside this block, whatever the user's own matplotlib settings are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        yield


def colour(family: str) -> str:
    """The one colour of a model family; a family not listed here gets one that depends on its name alone."""
    return FAMILIES.get(family) or _OTHER_FAMILIES[zlib.crc32(family.encode()) % len(_OTHER_FAMILIES)]


def is_demo(models: Mapping[str, Mapping[str, Any]], drawn: Iterable[str]) -> bool:
    """Is one of the models `drawn` marked `demo: true` in the configuration's `models`?"""
    return any(models.get(model, {}).get("demo", False) for model in drawn)


def save(figure: Figure, paths: Iterable[str | Path], demo: bool) -> None:
    """Write `figure` to each of `paths` (.pdf, .svg, .png), stamped where a demo model is drawn in it.

    Each file is whole or absent, and the same figure gives the same bytes. Call it inside `style()`.
    """
    if demo:
        width, height = figure.get_size_inches()
        figure.text(
            1 - 0.05 / width,
            0.05 / height,
            "demo models: not the published checkpoints",
            ha="right",
            va="bottom",
            fontsize=SMALL,
            color=_VERMILLION,
            fontweight="bold",
            gid="demo-stamp",
        )
    for path in paths:
        form = Path(path).suffix[1:]
        with replacing(path) as temporary:
            figure.savefig(temporary, format=form, metadata=_METADATA[form])
