import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from samgap.paper import style
from samgap.paper.svg import compact_svg


@pytest.fixture(scope="module")
def pixels():
    """Return a smooth image with noise, similar to a photograph."""
    ys, xs = np.mgrid[:120, :160]
    noise = np.random.default_rng(0).normal(0, 12, (120, 160))
    return np.stack([ys + noise, xs + noise, 128 + noise], axis=-1).clip(0, 255).astype(np.uint8)


def save_svg(pixels, path):
    with style.figure_style():
        figure = Figure(figsize=(2, 1.5))
        figure.add_axes((0, 0, 1, 1)).imshow(pixels, interpolation="none")
        style.save_figure(figure, [path], stamp_demo=False)
    return path.read_text(encoding="utf-8")


def read_images(svg):
    """Return (format, pixels as RGB) of each embedded image."""
    images = []
    for file_format, data in re.findall(r'"data:image/(\w+);base64,\s*([^"]*)"', svg):
        image = Image.open(io.BytesIO(base64.b64decode(data)))
        assert image.format.lower() == file_format
        images.append((file_format, np.asarray(image.convert("RGB"))))
    return images


def test_an_opaque_photograph_is_embedded_as_jpeg(pixels, tmp_path):
    svg = save_svg(pixels, tmp_path / "figure.svg")
    ((file_format, embedded),) = read_images(svg)
    assert file_format == "jpeg"
    difference = np.abs(embedded.astype(int) - pixels)
    assert difference.mean() < 6
    assert len(svg) < 0.5 * pixels.size  # as PNG, the noise takes more


def test_an_image_with_transparent_pixels_stays_png(pixels, tmp_path):
    alpha = np.full((*pixels.shape[:2], 1), 255, np.uint8)
    alpha[:50] = 0
    ((file_format, _),) = read_images(save_svg(np.concatenate([pixels, alpha], axis=-1), tmp_path / "figure.svg"))
    assert file_format == "png"


def test_path_coordinates_have_two_decimals_and_transforms_all():
    svg = '<g transform="scale(0.015625)"><path id="a" d="M 1.234567 8 L 0.5 10.999 z"/></g>'
    assert compact_svg(svg) == '<g transform="scale(0.015625)"><path id="a" d="M 1.23 8 L 0.5 10.99 z"/></g>'


def test_the_file_is_well_formed(pixels, tmp_path):
    root = ET.fromstring(save_svg(pixels, tmp_path / "figure.svg"))
    assert root.tag.endswith("svg")
