"""Photographs: supported formats, and the EXIF orientation."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from samgap.datasets import AnnotatedImage
from samgap.datasets.photographs import load_photograph
from samgap.errors import UserError
from samgap.predictions.image_io import open_image
from tests.helpers.coco import (
    HEIGHT,
    WIDTH,
    make_jpeg,
    make_labels,
    make_rotated_jpeg,
    read_coco,
    read_coco_error,
    write_folder,
)


def encode(image: Image.Image, file_format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def read_error(content: bytes) -> str:
    with pytest.raises(UserError) as caught:
        load_photograph(content, "a.jpg")
    assert str(caught.value).startswith("a.jpg: ")
    return str(caught.value)


@pytest.mark.parametrize("file_format", ["GIF", "BMP", "TIFF", "WebP", "AVIF"])
def test_other_formats_are_refused_by_their_name(file_format: str) -> None:
    content = encode(Image.new("RGB", (WIDTH, HEIGHT)), file_format)
    assert f"the format is {file_format}; save it as PNG or JPEG" in read_error(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0", "the format is HEIC; save it as PNG or JPEG"),
        (b"<!DOCTYPE html><html>", "the format is HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "which `git lfs pull` downloads"),
        (b"", "the file is empty"),
        (b"RIFF\0\0\0\0WAVE", "unreadable image (not a PNG or JPEG file)"),
        (b"\x89PNG\r\n\x1a\n", "unreadable image"),
        (b"\xff\xd8\xff", "unreadable image"),
    ],
)
def test_files_that_are_not_images_are_refused(content: bytes, message: str) -> None:
    assert message in read_error(content)


def test_gif_named_jpg_is_refused(tmp_path: Path) -> None:
    content = encode(Image.new("P", (WIDTH, HEIGHT)), "GIF")
    source = write_folder(tmp_path / "d", make_labels(), **{"a.jpg": content})
    assert "d/a.jpg: the format is GIF" in read_coco_error(source)


def make_png_of_16_bits(colour_type: int) -> bytes:
    """Return a PNG of one black pixel with 16 bits a channel; Pillow does not write colours of 16 bits."""
    chunks = {
        b"IHDR": struct.pack(">LLBBBBB", 1, 1, 16, colour_type, 0, 0, 0),
        b"IDAT": zlib.compress(bytes(9)),
        b"IEND": b"",
    }
    encoded = (
        struct.pack(">L", len(data)) + name + data + struct.pack(">L", zlib.crc32(name + data))
        for name, data in chunks.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(encoded)


@pytest.mark.parametrize("colour_type", [0, 2, 4, 6], ids=["grey", "RGB", "grey and alpha", "RGB and alpha"])
def test_photographs_of_16_bits_are_refused(colour_type: int) -> None:
    assert "more than 8 bits a channel" in read_error(make_png_of_16_bits(colour_type))


def test_truncated_photographs_are_refused() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    for file_format in ("JPEG", "PNG"):
        content = encode(Image.fromarray(pixels), file_format)
        assert "unreadable image" in read_error(content[:-300])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_png_photographs_of_8_bits_keep_their_bytes(mode: str) -> None:
    content = encode(Image.new("RGB", (WIDTH, HEIGHT), "red").convert(mode), "PNG")
    assert load_photograph(content, "a.png").encoded_bytes == content


def test_suffix_that_does_not_fit_the_format_is_accepted() -> None:
    content = encode(Image.new("RGB", (WIDTH, HEIGHT)), "PNG")
    assert load_photograph(content, "a.jpg").encoded_bytes == content


def test_animated_png_is_read_as_its_first_picture(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (WIDTH, HEIGHT), colour) for colour in ("red", "blue")]
    content = encode(frames[0], "PNG", save_all=True, append_images=frames[1:])
    (tmp_path / "a.png").write_bytes(load_photograph(content, "a.png").encoded_bytes)
    image = open_image(tmp_path / "a.png", {"width": WIDTH, "height": HEIGHT})
    assert image.getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_photographs_keep_their_bytes(tmp_path: Path, mode: str) -> None:
    content = make_jpeg(mode=mode)
    [image] = read_coco(write_folder(tmp_path / "d", make_labels({"bbox": [1, 1, 2, 2]}), **{"a.jpg": content}))
    assert image.encoded_bytes == content


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
