"""Photographs: supported formats, and the EXIF orientation."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from samgap.datasets import AnnotatedImage
from tests.helpers.coco import (
    HEIGHT,
    WIDTH,
    make_jpeg,
    make_labels,
    read_coco,
    read_coco_error,
    write_folder,
)


def test_unsupported_formats_are_refused(tmp_path: Path) -> None:
    def encode_image(file_format: str, mode: str) -> bytes:
        stream = io.BytesIO()
        Image.new(mode, (WIDTH, HEIGHT)).save(stream, file_format)
        return stream.getvalue()

    assert "the format is GIF" in read_coco_error(
        write_folder(tmp_path / "d", make_labels(), **{"a.jpg": encode_image("GIF", "P")})
    )
    labels = make_labels(images=("a.png",))
    assert "more than 8 bits" in read_coco_error(
        write_folder(tmp_path / "e", labels, **{"a.png": encode_image("PNG", "I;16")})
    )


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_photographs_keep_their_bytes(tmp_path: Path, mode: str) -> None:
    content = make_jpeg(mode=mode)
    [image] = read_coco(write_folder(tmp_path / "d", make_labels({"bbox": [1, 1, 2, 2]}), **{"a.jpg": content}))
    assert image.encoded_bytes == content


def make_rotated_jpeg(orientation: int) -> bytes:
    """Return a JPEG whose left half is bright, with an EXIF orientation."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:, : WIDTH // 2] = 250
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95, exif=exif)
    return stream.getvalue()


def find_bright_pixels(image: AnnotatedImage) -> np.ndarray:
    with Image.open(io.BytesIO(image.encoded_bytes)) as photo:
        assert photo.getexif().get(0x0112, 1) == 1 or image.width == WIDTH
        return np.asarray(photo.convert("L")) > 125


def make_sized_labels(width: int, height: int) -> dict[str, Any]:
    labels = make_labels({"bbox": [1, 1, 2, 2]})
    labels["images"][0].update(width=width, height=height)
    return labels


def test_photograph_is_rotated_if_its_labels_are_for_the_upright_image(tmp_path: Path) -> None:
    # Orientation 6: viewers rotate the image clockwise, which moves the bright left half to the top.
    [image] = read_coco(
        write_folder(tmp_path / "d", make_sized_labels(HEIGHT, WIDTH), **{"a.jpg": make_rotated_jpeg(6)})
    )
    assert (image.width, image.height) == (HEIGHT, WIDTH)
    is_bright = find_bright_pixels(image)
    assert is_bright[: WIDTH // 2 - 2].mean() > 0.98
    assert is_bright[WIDTH // 2 + 2 :].mean() < 0.02


def test_photograph_is_not_rotated_if_its_labels_are_for_the_stored_image(tmp_path: Path) -> None:
    [image] = read_coco(
        write_folder(tmp_path / "d", make_sized_labels(WIDTH, HEIGHT), **{"a.jpg": make_rotated_jpeg(6)})
    )
    assert image.encoded_bytes == make_rotated_jpeg(6)


def test_upside_down_photograph_is_rotated(tmp_path: Path) -> None:
    [image] = read_coco(
        write_folder(tmp_path / "d", make_sized_labels(WIDTH, HEIGHT), **{"a.jpg": make_rotated_jpeg(3)})
    )
    assert find_bright_pixels(image)[:, WIDTH // 2 + 2 :].mean() > 0.98
