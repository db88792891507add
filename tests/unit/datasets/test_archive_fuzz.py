"""Archives with random damage: the undamaged files are read, or the archive is refused in one line."""

import contextlib
import gzip
import io
import random
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from samgap.errors import UserError
from tests.helpers.archive_files import read_archive
from tests.helpers.fuzzing import read_or_refusal

N_ARCHIVES = 600
"""Number of damaged archives of each format."""
CONTENTS = {f"images/row{number}.jpg": bytes([number]) * 700 for number in range(4)}


def make_tar(tar_format: int) -> bytes:
    """Return a tar archive with long names, a folder and a link."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tar_format) as archive:
        folder = tarfile.TarInfo("images")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in {**CONTENTS, "/".join(["a-long-folder"] * 15) + "/é.jpg": b"1"}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("images/link.jpg")
        link.type, link.linkname = tarfile.LNKTYPE, "images/row1.jpg"
        archive.addfile(link)
    return stream.getvalue()


def make_zip(compression: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in {**CONTENTS, "images/é.jpg": b"1"}.items():
            archive.writestr(name, content)
    return stream.getvalue()


ARCHIVES = {
    "tar, GNU": make_tar(tarfile.GNU_FORMAT),
    "tar, PAX": make_tar(tarfile.PAX_FORMAT),
    "zip, stored": make_zip(zipfile.ZIP_STORED),
    "zip, deflate": make_zip(zipfile.ZIP_DEFLATED),
    "zip, bzip2": make_zip(zipfile.ZIP_BZIP2),
    "zip, LZMA": make_zip(zipfile.ZIP_LZMA),
}


def list_headers(content: bytes) -> list[int]:
    """Return the positions of the bytes of headers: of a zip, all but the contents; of a tar, the blocks with names."""
    if content.startswith(b"PK"):
        positions = [index for index in range(len(content)) if content[max(index - 60, 0) : index + 1].find(b"PK") >= 0]
        return positions + list(range(len(content) - 22, len(content)))
    blocks = range(0, len(content) - 511, 512)
    return [block + index for block in blocks if content[block + 257 : block + 262] == b"ustar" for index in range(512)]


def flip_header(content: bytes, generator: random.Random, headers: list[int]) -> bytes:
    """Change up to four bytes of headers; in a tar, correct the checksums so that other fields are read."""
    damaged = bytearray(content)
    for _ in range(generator.randint(1, 4)):
        damaged[generator.choice(headers)] = generator.choice((0, 255, generator.randrange(256), ord("7"), ord("-")))
    if not content.startswith(b"PK") and generator.random() < 0.8:
        for block in sorted({position // 512 * 512 for position in headers}):
            checksum = sum(damaged[block : block + 512]) - sum(damaged[block + 148 : block + 156]) + 8 * 32
            damaged[block + 148 : block + 156] = f"{checksum:06o}\0 ".encode()
    return bytes(damaged)


def describe_outcome(path: Path) -> str:
    """Return the outcome of reading a damaged archive; raise an exception if it is neither read nor refused."""
    files, message = read_or_refusal(lambda: read_archive(path, max_gb=0.01), str(path))
    assert files is None or sum(map(len, files.values())) <= 10**7
    return "refused" if message else "read"


@pytest.mark.parametrize("name", ARCHIVES)
def test_damaged_archive_is_read_or_refused(tmp_path: Path, name: str) -> None:
    content, generator, outcomes = ARCHIVES[name], random.Random(name), Counter()
    headers = list_headers(content)
    path = tmp_path / "a"
    for number in range(N_ARCHIVES):
        damaged = flip_header(content, generator, headers)
        if number % 10 == 0:
            damaged = damaged[: generator.randrange(len(damaged))]
        if number % 7 == 0 and not name.startswith("zip"):
            damaged = gzip.compress(damaged)
        path.write_bytes(damaged)
        outcomes[describe_outcome(path)] += 1
    assert outcomes["refused"] > 0
    assert outcomes["read"] > 0


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_damaged_compressed_tar_is_refused_or_complete(tmp_path: Path, compression: str) -> None:
    path, generator = tmp_path / "a", random.Random(compression)
    with tarfile.open(path, f"w:{compression}") as archive:
        for name, content in CONTENTS.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    intact = path.read_bytes()
    for _ in range(N_ARCHIVES // 3):
        damaged = bytearray(intact)
        damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        with contextlib.suppress(UserError):
            assert read_archive(path, max_gb=0.01) == CONTENTS
