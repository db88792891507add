"""Compare a drawn figure with its reference image in tests/images, pixel by pixel.

A figure is drawn at DPI with the font of matplotlib itself and without hinting, so that FreeType has little influence.
With the locked environment the images are equal. With other versions, edges of letters and lines may differ slightly,
so a figure differs if a channel of a pixel does by more than CHANNEL_TOLERANCE. A changed letter or colour, or a text
that moved by a pixel, is more than that: tests/contract/test_reference_images.py tests it.

`pytest --write-images` writes the reference images of the tests that it runs; look at each before it is committed.
"""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

FOLDER = Path(__file__).parents[1] / "images"
"""The folder of the reference images."""
DPI = 64
"""Resolution of the images: 458 px for the width of a page. The files of all images have less than 300 kB."""
CHANNEL_TOLERANCE = 24
"""Largest difference of a channel of a pixel that is none, of 255."""


def render_pixels(figure: Figure) -> np.ndarray:
    """Return the pixels of a figure, uint8 (height, width, 3), at DPI."""
    figure.set_dpi(DPI)
    with matplotlib.rc_context({"text.hinting": "no_hinting", "path.simplify": False}):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def count_different_pixels(one: np.ndarray, other: np.ndarray) -> int:
    """Return the number of pixels that differ; all, if the images are not of the same size."""
    if one.shape != other.shape:
        return max(one.shape[0] * one.shape[1], other.shape[0] * other.shape[1])
    difference = np.abs(one.astype(int) - other.astype(int)).max(axis=2)
    return int((difference > CHANNEL_TOLERANCE).sum())


def check_image(figure: Figure, name: str, folder: Path, write: bool) -> None:
    """Fail if a figure differs from its reference image.

    Args:
        figure: The figure.
        name: The reference image is `tests/images/<name>.png`.
        folder: Where the image of a figure that differs is written.
        write: Whether to write the reference image instead.
    """
    pixels, file = render_pixels(figure), FOLDER / f"{name}.png"
    if write:
        FOLDER.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(file, optimize=True)
        return
    assert file.is_file(), f"{file} is missing: write it with `pytest --write-images`, and look at it"
    with Image.open(file) as image:
        reference = np.asarray(image.convert("RGB"))
    count = count_different_pixels(pixels, reference)
    if count:
        drawn = folder / f"{name}.png"
        Image.fromarray(pixels).save(drawn)
        size = f"{pixels.shape[1]} × {pixels.shape[0]} px, not {reference.shape[1]} × {reference.shape[0]}"
        reason = f"{count} pixels differ" if pixels.shape == reference.shape else f"it has {size}"
        raise AssertionError(
            f"{drawn} is not {file}: {reason}. If the new one is right, write it with `pytest --write-images`"
        )
