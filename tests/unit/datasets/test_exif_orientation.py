"""The EXIF orientation: a valid one rotates the pixels, an invalid one is ignored, other EXIF values are not read."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from samgap.datasets.exif_orientation import read_orientation
from samgap.datasets.photographs import load_photograph
from tests.helpers.coco import HEIGHT, WIDTH, make_rotated_jpeg

pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow warns of damaged EXIF


def make_exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    """Return an EXIF directory of (tag, type, number of values, four bytes)."""
    rows = b"".join(struct.pack("<HHL", *entry[:3]) + entry[3] for entry in entries)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + rows + bytes(4)


def make_jpeg_with_exif(exif: bytes) -> bytes:
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:10, :15] = (250, 0, 0)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95, subsampling=0, exif=exif)
    return stream.getvalue()


ORIENTATION_6 = (0x0112, 3, 1, struct.pack("<HH", 6, 0))
ODD_ENTRIES = {
    "rational without denominator": (0x011A, 5, 1, struct.pack("<L", 0)),
    "offset outside": (0x010F, 2, 1000, struct.pack("<L", 10**9)),
    "number of values": (0x010F, 2, 0xFFFFFFFF, bytes(4)),
    "unknown type": (0x010F, 99, 1, bytes(4)),
    "sub-directory at itself": (0x8769, 4, 1, struct.pack("<L", 8)),
    "sub-directory outside": (0x8769, 4, 1, struct.pack("<L", 10**9)),
    "sub-directory of text": (0x8769, 2, 4, b"abc\0"),
    "GPS of floats": (0x8825, 11, 1, struct.pack("<f", 1e30)),
    "text that is not UTF-8": (0x010E, 2, 4, b"\xff\xfe\xfd\0"),
}


@pytest.mark.parametrize("entry", ODD_ENTRIES.values(), ids=ODD_ENTRIES)
def test_pixels_are_rotated_whatever_the_other_values_are(entry: tuple[int, int, int, bytes]) -> None:
    content = make_jpeg_with_exif(make_exif(entry, ORIENTATION_6))
    photo = load_photograph(content, "a.jpg")
    assert (photo.width, photo.height, photo.orientation) == (HEIGHT, WIDTH, 6)
    with Image.open(io.BytesIO(photo.encoded_bytes)) as image:
        assert image.getexif().get(0x0112, 1) == 1
        # Orientation 6 moves the left upper corner to the right.
        assert image.getpixel((HEIGHT - 5, 5))[0] > 240
        assert image.getpixel((5, 5))[0] < 10


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0II*\0",
        b"Exif\0\0not a directory",
        make_exif(ORIENTATION_6)[:-10],
        make_exif((0x0112, 3, 1, struct.pack("<HH", 0, 0))),
        make_exif((0x0112, 3, 1, struct.pack("<HH", 9, 0))),
        make_exif((0x0112, 2, 4, b"top\0")),
        make_exif((0x0112, 5, 1, struct.pack("<L", 8))),
        make_exif((0x0112, 11, 1, struct.pack("<f", 6.5))),
        make_exif((0x0112, 7, 4, b"\x06\0\0\0")),
    ],
    ids=lambda exif: str(len(exif)),
)
def test_invalid_orientation_is_ignored(exif: bytes) -> None:
    content = make_jpeg_with_exif(exif)
    photo = load_photograph(content, "a.jpg")
    assert photo.encoded_bytes == content
    assert (photo.width, photo.height) == (WIDTH, HEIGHT)
    assert photo.orientation in (None, 1)


@pytest.mark.parametrize("error", [struct.error, SyntaxError, TypeError, KeyError, ZeroDivisionError, UnicodeError])
def test_errors_of_pillow_count_as_an_invalid_orientation(monkeypatch: pytest.MonkeyPatch, error: type) -> None:
    def raise_error(*_: Any) -> None:
        raise error("odd")

    monkeypatch.setattr(Image.Image, "getexif", raise_error)
    assert read_orientation(Image.new("RGB", (2, 2))) is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_rotations_are_those_of_pillow(orientation: int) -> None:
    content = make_rotated_jpeg(orientation)
    with Image.open(io.BytesIO(content)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    with Image.open(io.BytesIO(load_photograph(content, "a.jpg").encoded_bytes)) as image:
        assert np.abs(np.asarray(image).astype(int) - expected).max() < 8
