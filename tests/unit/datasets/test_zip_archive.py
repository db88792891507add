"""Zip archives: the central directory and files that unpack to more than they declare are limited."""

import re
import struct
import tracemalloc
import unicodedata
import zipfile
from pathlib import Path

import pytest

from samgap.datasets import archive_limits, zip_archive
from samgap.datasets.archive import iter_files
from samgap.errors import UserError
from tests.helpers.archive_files import read_archive, read_archive_error


def write_zip(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_compression_is_read(tmp_path: Path, compression: int) -> None:
    files = {"x.png": bytes(range(256)) * 1000, "empty.png": b""}
    assert read_archive(write_zip(tmp_path / "a.zip", files, compression)) == files


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_file_that_unpacks_to_more_than_it_declares_is_refused(tmp_path: Path, compression: int) -> None:
    n_bytes = 200 * 10**6
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", compression) as archive, archive.open("x.png", "w") as stream:
        for _ in range(20):
            stream.write(bytes(n_bytes // 20))
    content = path.read_bytes()
    size = struct.pack("<L", n_bytes)
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, struct.pack("<L", 10)))
    tracemalloc.start()
    try:
        message = read_archive_error(path)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "damaged archive" in message
    assert peak_bytes < 130e6  # a block of bzip2 unpacks to 46 MB


def test_declared_sizes_count_towards_the_limit_of_overlapping_files(tmp_path: Path) -> None:
    # Many entries of the central directory refer to the same compressed bytes.
    path = write_zip(tmp_path / "a.zip", {f"{number}.bin": bytes(10**6) for number in range(5)})
    content = bytearray(path.read_bytes())
    for match in re.finditer(re.escape(b"PK\1\2"), content):
        content[match.start() + 42 : match.start() + 46] = bytes(4)  # the offset of the compressed bytes
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"larger than 0\.004 GB when unpacked"):
        list(iter_files(path, lambda _: False, max_gb=0.004))


def test_number_of_files_is_limited_before_their_list_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip(tmp_path / "a.zip", {f"{number}.png": b"1" for number in range(4)})
    monkeypatch.setattr(archive_limits, "MAX_MEMBERS", 4)
    assert len(read_archive(path)) == 4
    monkeypatch.setattr(archive_limits, "MAX_MEMBERS", 3)
    monkeypatch.setattr(zipfile.ZipInfo, "_decodeExtra", lambda *_: pytest.fail("an entry is parsed"))
    assert "more than 3 files; unpack the archive" in read_archive_error(path)


def test_size_of_the_list_of_files_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "a.zip", {"x" * 200 + ".png": b"1"})
    monkeypatch.setattr(zip_archive, "MAX_DIRECTORY_BYTES", 200)
    assert "the list of its files has 250 bytes; unpack the archive" in read_archive_error(path)


def test_encrypted_file_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"x.png": b"1"})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    assert "x.png is encrypted; pack it without a password" in read_archive_error(path)


def test_utf8_names_that_are_not_declared_are_decoded(tmp_path: Path) -> None:
    """The zip archives of macOS have names in UTF-8, decomposed, without the flag for UTF-8."""
    name = unicodedata.normalize("NFD", "pommier-é.png")
    path = write_zip(tmp_path / "a.zip", {name: b"1"})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 7), (b"PK\1\2", 9)):
        content[content.index(signature) + offset] &= ~0x08
    path.write_bytes(content)
    assert zipfile.ZipFile(path).namelist() != [name]
    assert read_archive(path) == {name: b"1"}


def test_names_in_the_code_page_of_dos_are_kept(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"pommier-_.png": b"1"})
    path.write_bytes(path.read_bytes().replace(b"pommier-_", b"pommier-\x82"))
    assert read_archive(path) == {"pommier-é.png": b"1"}


def test_files_of_operating_systems_are_skipped(tmp_path: Path) -> None:
    names = ("__MACOSX/d/._x.png", "$RECYCLE.BIN/x.png", "lost+found/x.png", "d/desktop.ini", "d/x.png")
    assert list(read_archive(write_zip(tmp_path / "a.zip", dict.fromkeys(names, b"1")))) == ["d/x.png"]
