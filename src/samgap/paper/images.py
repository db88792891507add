"""Draw images and masks in figures, and select which images are drawn."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from samgap.errors import UserError

Item = TypeVar("Item")

HALO: list[effects.AbstractPathEffect] = [effects.withStroke(linewidth=1.8, foreground="#000000A0")]
"""Dark edge that makes a thin coloured line visible on any background."""
PIXEL_BUDGET = 800_000
"""Pixels of all images of a figure together, at most, so that each of its files stays below 3 MB."""
MAX_PIXELS_PER_INCH = 300.0
"""Resolution above which print shows no difference."""


def select_quantiles(ranked: Sequence[Item], count: int) -> list[Item]:
    """Return `count` evenly spread items of `ranked`, or all if there are fewer.

    The k-th of N is at the (2k − 1)/2N quantile, so none is chosen by hand and the extremes are left out.
    """
    count = min(count, len(ranked))
    return [ranked[(2 * k + 1) * len(ranked) // (2 * count)] for k in range(count)]


def read_image(path: str | Path) -> np.ndarray:
    """Read an image file as RGB, uint8 (height, width, 3); an unreadable file raises UserError."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise UserError(f"{path}: not a readable image ({error}); make the data set again") from error


def fit_resolution(n_images: int, width: float, height: float) -> float:
    """Return the pixels per inch at which `n_images` of `width` × `height` inches keep the budget of a figure."""
    return min(MAX_PIXELS_PER_INCH, (PIXEL_BUDGET / max(n_images * width * height, 1e-9)) ** 0.5)


def draw_image(
    axes: Axes, pixels: np.ndarray, width: float, resolution: float, window: tuple[int, int, int, int] | None = None
) -> None:
    """Draw an image, or a window of it, in its own pixel coordinates and with no more pixels than print needs.

    Args:
        axes: Empty axes.
        pixels: The image, uint8 (height, width, 3).
        width: Width of what is drawn, inches.
        resolution: Pixels per inch, at most.
        window: x0, x1, y0, y1 of the part drawn, pixels; default is the whole image.
    """
    x0, x1, y0, y1 = window or (0, pixels.shape[1], 0, pixels.shape[0])
    part = Image.fromarray(pixels[y0:y1, x0:x1])
    n_columns = max(round(width * resolution), 1)
    if part.width > n_columns:
        part = part.resize((n_columns, max(round(part.height * n_columns / part.width), 1)), Image.Resampling.LANCZOS)
    # The files embed these pixels as they are; with an interpolation they would embed them at the figure's resolution.
    axes.imshow(np.asarray(part), extent=(x0 - 0.5, x1 - 0.5, y1 - 0.5, y0 - 0.5), interpolation="none")


def draw_outline(axes: Axes, mask: np.ndarray, colour: str, fill_alpha: float = 0, **line_style: Any) -> None:
    """Draw the outline of a mask.

    Args:
        axes: Axes in which the mask's image is drawn, in pixels.
        mask: bool (height, width); an empty mask draws nothing.
        colour: Colour of outline and fill.
        fill_alpha: Opacity of the fill, 0 (none) to 1.
        line_style: Options of `Axes.contour` for the outline.
    """
    ys, xs = np.nonzero(mask)
    if not len(ys):
        return
    y0, x0 = ys.min(), xs.min()
    window = np.pad(mask[y0 : ys.max() + 1, x0 : xs.max() + 1], 1)
    x, y = np.arange(window.shape[1]) + x0 - 1, np.arange(window.shape[0]) + y0 - 1
    if fill_alpha:
        axes.contourf(x, y, window, levels=[0.5, 1.5], colors=[colour], alpha=fill_alpha)
    outline = axes.contour(x, y, window, levels=[0.5], colors=[colour], **{"linewidths": 0.9, **line_style})
    outline.set_path_effects(HALO)
