"""Photographs with random damage: each is read as the predictions read it, or refused in one line."""

import io
import random
import struct
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samgap.datasets.photographs import load_photograph
from samgap.predictions.image_io import open_image
from tests.helpers.fuzzing import read_or_refusal

N_FILES = 150
"""Number of damaged files of each format and type of damage."""
SIZE = (24, 16)

pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow warns of damaged EXIF


def make_picture(mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encode(file_format: str, mode: str = "RGB", n_pictures: int = 1) -> bytes:
    """Return a file with an EXIF orientation that rotates it."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "a camera", 72.0
    exif.get_ifd(0x8769)[0x9003] = "2021:10:02 12:00:00"
    stream = io.BytesIO()
    several = {"save_all": True, "append_images": [make_picture(mode)] * (n_pictures - 1)} if n_pictures > 1 else {}
    make_picture(mode).save(stream, file_format, exif=exif, **several)
    return stream.getvalue()


FILES = {
    "JPEG": encode("JPEG"),
    "grey JPEG": encode("JPEG", "L"),
    "CMYK JPEG": encode("JPEG", "CMYK"),
    "MPO": encode("MPO", n_pictures=2),
    "PNG": encode("PNG", "RGBA"),
    "palette PNG": encode("PNG", "P"),
    "animated PNG": encode("PNG", n_pictures=2),
}


def repair_checksums(content: bytes) -> bytes:
    """Return a PNG with the right checksum of each chunk, so that its data are read; other files are unchanged."""
    repaired, position = bytearray(content), 8
    while content.startswith(b"\x89PNG") and position + 12 <= len(content):
        end = position + 8 + int.from_bytes(content[position : position + 4], "big")
        repaired[end : end + 4] = struct.pack(">L", zlib.crc32(content[position + 4 : end]))
        position = end + 4
    return bytes(repaired[: len(content)])


def flip_bytes(content: bytes, generator: random.Random) -> bytes:
    """Change up to eight bytes, mostly at the beginning."""
    damaged = bytearray(content)
    for _ in range(generator.randint(1, 8)):
        end = generator.choice((100, 300, len(damaged)))
        damaged[generator.randrange(2, min(end, len(damaged)))] = generator.randrange(256)
    return repair_checksums(damaged) if generator.random() < 0.8 else bytes(damaged)


def truncate(content: bytes, generator: random.Random) -> bytes:
    return content[: generator.randrange(len(content))]


def replace_exif(content: bytes, generator: random.Random) -> bytes:
    """Replace the EXIF data by random directories of the same number of bytes."""
    start = content.find(b"Exif\0\0") + 6 if b"Exif\0\0" in content else content.index(b"eXIf") + 4
    n_bytes = int.from_bytes(content[start - 8 : start - 6], "big") - 8 if b"Exif\0\0" in content else 0
    n_bytes = n_bytes or int.from_bytes(content[start - 8 : start - 4], "big")
    order = generator.choice("<>")
    directory = bytearray(struct.pack(f"{order}2sHL", b"II" if order == "<" else b"MM", 42, 8))
    while len(directory) < n_bytes:
        n_entries = generator.randint(1, 5)
        directory += struct.pack(f"{order}H", n_entries)
        for _ in range(n_entries):
            tag = generator.choice((0x0112, 0x8769, 0x8825, 0xA005, 0x010F, 0x011A, 0x927C, generator.randrange(65536)))
            value_type = generator.choice((*range(14), generator.randrange(65536)))
            count = generator.choice((0, 1, 2, generator.randrange(2**32)))
            value = generator.choice((6, 8, generator.randrange(100), generator.randrange(2**32)))
            directory += struct.pack(f"{order}HHLL", tag, value_type, count, value)
        directory += struct.pack(f"{order}L", generator.choice((0, 8, generator.randrange(200))))
    return repair_checksums(content[:start] + bytes(directory[:n_bytes]) + content[start + n_bytes :])


def describe_outcome(content: bytes, folder: Path) -> str:
    """Return the outcome of reading a damaged file; raise an exception if it is not one of the two that are right."""
    photo, message = read_or_refusal(lambda: load_photograph(content, "a.jpg"), "a.jpg: ")
    if photo is None:
        assert " object at 0x" not in message  # as in the messages of some of Pillow's exceptions
        return "refused"
    path = folder / "a.jpg"
    path.write_bytes(photo.encoded_bytes)
    # open_image raises an exception if the size differs.
    assert open_image(path, {"width": photo.width, "height": photo.height}).mode == "RGB"
    assert photo.orientation in (None, *range(1, 9))
    return "rotated" if photo.width != photo.stored_size[0] else "read"


@pytest.mark.parametrize("damage", [flip_bytes, truncate, replace_exif])
def test_damaged_photograph_is_read_or_refused(tmp_path: Path, damage) -> None:
    outcomes = Counter()
    for name, content in FILES.items():
        generator = random.Random(name)
        assert describe_outcome(content, tmp_path) == "rotated"
        for _ in range(N_FILES):
            outcomes[describe_outcome(damage(content, generator), tmp_path)] += 1
    assert outcomes["rotated"] > 0
    # Nothing in EXIF makes the pixels unreadable; the other damage has both outcomes.
    assert (outcomes["refused"] == 0) == (damage is replace_exif)
