"""The style of all figures: sizes, fonts, colours, and files that are byte-identical when drawn again."""

import contextlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from samgap.config.components import is_demo_model
from samgap.io.files import atomic_write
from samgap.paper.svg import compact_svg

FIGURE_WIDTH_IN = 7.16
"""Width of a figure over both columns, inches."""
COLUMN_WIDTH_IN = 3.5
"""Width of a figure in one column, inches."""
MARGIN_IN = 0.06
"""Distance that everything drawn keeps from the edges of the figure, inches."""
MAX_FIGURE_HEIGHT_IN = 9.2
"""Largest height of a figure, inches."""
STAMP_MARGIN_IN = 0.2
"""Height at the bottom that every figure leaves free for the demo stamp, inches."""
MIN_FONT_SIZE_PT = 6.0
"""Size of the smallest text, points."""
PANEL_LETTER_SIZE_PT = 9.0
"""Size of the letters of panels, points."""

# Okabe and Ito, Color Universal Design (2008): distinct for all common kinds of colour vision.
_ORANGE, _SKY, _GREEN, _YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
_BLUE, _VERMILLION, _PURPLE, _GREY = "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F"

FAMILY_COLOURS = {"sam2": _BLUE, "sam3": _VERMILLION, "shape": _GREY}
ORIGIN_COLOURS = {"sam2": _BLUE, "sam3": _VERMILLION, "encoder": _SKY, "other": _GREY}
"""Colours of where a part of a model comes from: SAM2, new in SAM3, the Perception Encoder, elsewhere."""
ORIGIN_HATCHES = {"sam2": "", "sam3": "////", "encoder": "....", "other": ""}
"""Hatching of the same parts, for print without colours."""
VERDICT_COLOURS = {
    "confirmed": _GREEN,
    "as the source says": _SKY,
    "partly": _YELLOW,
    "refuted": _PURPLE,
    "open": "#FFFFFF",
    "not testable": "#D0D0D0",
}
"""Colours of the verdicts on claims."""
VERDICT_HATCHES = {
    "confirmed": "",
    "as the source says": "....",
    "partly": "////",
    "refuted": "xxxx",
    "open": "",
    "not testable": "",
}
"""Hatching of the same verdicts, for print without colours."""
_FALLBACK_COLOURS = (_GREEN, _PURPLE, _ORANGE, _SKY)

INSTANCE_COLOURS = (_ORANGE, _SKY, _YELLOW, _PURPLE, _VERMILLION, _BLUE)
"""Colours of neighbouring instances, used in turn. None is green, as the instances are among leaves."""

_RC_PARAMS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # part of matplotlib, so the same on every machine
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": MIN_FONT_SIZE_PT,
    "ytick.labelsize": MIN_FONT_SIZE_PT,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": MIN_FONT_SIZE_PT,
    "pdf.fonttype": 42,  # fonts embedded as TrueType, which publishers require
    "svg.fonttype": "none",  # text stays text: it can be searched, selected and edited
    "svg.hashsalt": "samgap",
    "path.simplify": False,
    "text.parse_math": False,  # a dollar in a phrase or a file name is a dollar
    "savefig.dpi": 300,
    "figure.dpi": 300,
}

# No field that changes from run to run; None leaves a field out.
_FILE_METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "ModDate": None},
    "svg": {"Date": None},
    "png": {},
}


@contextlib.contextmanager
def figure_style() -> Iterator[None]:
    """Set the style for figures drawn and saved inside the block; the user's matplotlib settings have no effect."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC_PARAMS)
        yield


def family_colour(family: str) -> str:
    """Return the colour of a model family; that of an unlisted family depends on its name alone."""
    return FAMILY_COLOURS.get(family) or _FALLBACK_COLOURS[zlib.crc32(family.encode()) % len(_FALLBACK_COLOURS)]


def instance_colour(index: int) -> str:
    """Return the colour of the instance with that number, so that instances with adjacent numbers differ."""
    return INSTANCE_COLOURS[index % len(INSTANCE_COLOURS)]


def blend(colour: str, share: float) -> tuple[float, float, float]:
    """Return a tint: `share` of a colour, the rest white. It is opaque, so what lies below does not change it."""
    red, green, blue = to_rgb(colour)
    return 1 - share * (1 - red), 1 - share * (1 - green), 1 - share * (1 - blue)


def add_panel_letter(figure: Figure, letter: str, x: float, y: float) -> None:
    """Write the letter of a panel, bold, with its upper left corner at figure coordinates `x`, `y` (0 to 1)."""
    figure.text(x, y, letter, va="top", fontsize=PANEL_LETTER_SIZE_PT, fontweight="bold", gid=f"panel-{letter}")


def has_demo_model(models: Mapping[str, Mapping[str, Any]], model_ids: Iterable[str]) -> bool:
    """Return whether one of `model_ids` is a demo model, or composed of one, in the configuration's `models`."""
    return any(is_demo_model(models, model) for model in model_ids)


def save_figure(figure: Figure, paths: Iterable[str | Path], stamp_demo: bool) -> None:
    """Write a figure atomically, byte-identical for the same figure. Call it inside `figure_style()`.

    Args:
        figure: The figure; a stamp is added to it.
        paths: Output files; the suffix (.pdf, .svg, .png) is the format.
        stamp_demo: Stamp the figure as drawn from demo models.
    """
    if stamp_demo:
        width, height = figure.get_size_inches()
        figure.text(
            1 - MARGIN_IN / width,
            MARGIN_IN / height,
            "demo models: not the published checkpoints",
            ha="right",
            va="bottom",
            fontsize=MIN_FONT_SIZE_PT,
            color=_VERMILLION,
            fontweight="bold",
            gid="demo-stamp",
        )
    for path in paths:
        file_format = Path(path).suffix[1:]
        with atomic_write(path) as temporary:
            figure.savefig(temporary, format=file_format, metadata=_FILE_METADATA[file_format])
            if file_format == "svg":
                temporary.write_text(compact_svg(temporary.read_text(encoding="utf-8")), encoding="utf-8")
            elif file_format == "png":
                _drop_alpha(temporary)


def _drop_alpha(path: Path) -> None:
    """Rewrite a PNG file without its channel of transparency, which is opaque everywhere and a tenth of the bytes."""
    with Image.open(path) as image:
        opaque, dpi = image.convert("RGB"), image.info["dpi"]
    opaque.save(path, "png", dpi=dpi)
