"""Tar archives: headers, links and padding are limited like the files, and damage is not taken for the end."""

import gzip
import io
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from samgap.datasets import archive_limits
from samgap.datasets.archive import iter_files
from samgap.errors import UserError
from tests.helpers.archive_files import read_archive, read_archive_error


def write_tar(path: Path, *members: tarfile.TarInfo | tuple[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member, io.BytesIO(bytes(member.size)))
            else:
                header = tarfile.TarInfo(member[0])
                header.size = len(member[1])
                archive.addfile(header, io.BytesIO(member[1]))
    return path


def make_link(name: str, target: str, link_type: bytes = tarfile.LNKTYPE) -> tarfile.TarInfo:
    link = tarfile.TarInfo(name)
    link.type, link.linkname = link_type, target
    return link


@pytest.mark.parametrize("header_type", [b"L", b"K", b"x", b"g"], ids=["name", "link", "attributes", "for all files"])
@pytest.mark.parametrize("size", [3 * 10**9, -512])
def test_header_that_declares_gigabytes_is_refused_before_it_is_read(
    tmp_path: Path, header_type: bytes, size: int
) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = header_type, size
    with gzip.open(tmp_path / "a.tar.gz", "wb") as stream:
        stream.write(header.tobuf(tarfile.GNU_FORMAT))
        stream.write(b"a" * 2 * 10**7)
    tracemalloc.start()
    try:
        message = read_archive_error(tmp_path / "a.tar.gz")
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "damaged archive: the header of a file has more than 1048576 bytes" in message
    assert peak_bytes < 5e6


@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_are_read(tmp_path: Path, tar_format: int) -> None:
    name = "/".join(["a folder with a long name é"] * 20) + "/x.png"
    with tarfile.open(tmp_path / "a.tar", "w", format=tar_format) as archive:
        header = tarfile.TarInfo(name)
        header.size = 1
        archive.addfile(header, io.BytesIO(b"1"))
    assert read_archive(tmp_path / "a.tar") == {name: b"1"}


def test_file_of_negative_size_is_refused(tmp_path: Path) -> None:
    # tarfile would return to the same header without end.
    header = tarfile.TarInfo("x.png")
    header.size = -512
    (tmp_path / "a.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    assert "negative size" in read_archive_error(tmp_path / "a.tar")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_invalid_header_is_not_taken_for_the_end_of_the_archive(tmp_path: Path, mode: str) -> None:
    path = write_tar(tmp_path / "a.tar", ("a.png", b"1"), ("b.png", b"2"), ("c.png", b"3"), mode=mode)
    content = bytearray(gzip.decompress(path.read_bytes()) if mode == "w:gz" else path.read_bytes())
    content[1024] ^= 1  # the name of the second file, which its checksum covers
    path.write_bytes(gzip.compress(content) if mode == "w:gz" else content)
    assert "truncated or damaged archive" in read_archive_error(path)


def test_checksum_of_a_compressed_archive_is_verified(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar.gz", ("a.png", b"1"), mode="w:gz")
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    assert "CRC check failed" in read_archive_error(path)


def test_headers_and_padding_count_towards_the_limit(tmp_path: Path) -> None:
    members = []
    for number in range(10):
        member = tarfile.TarInfo(f"{number}.png")
        member.pax_headers = {"comment": "a" * 900_000}
        members.append(member)
    path = write_tar(tmp_path / "a.tar.gz", *members, mode="w:gz")
    assert len(read_archive(path, max_gb=0.01)) == 10
    assert "larger than 0.005 GB when unpacked, with headers, padding" in read_archive_error(path, max_gb=0.005)


def test_bytes_after_the_last_file_count_towards_the_limit(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar.gz", ("a.png", b"1"), mode="w:gz")
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(10**7)))
    assert read_archive(path, max_gb=0.011) == {"a.png": b"1"}
    assert "larger than 0.001 GB" in read_archive_error(path, max_gb=0.001)


def test_number_of_files_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tar(tmp_path / "a.tar", *((f"{number}.png", b"1") for number in range(4)))
    monkeypatch.setattr(archive_limits, "MAX_MEMBERS", 4)
    assert len(read_archive(path)) == 4
    monkeypatch.setattr(archive_limits, "MAX_MEMBERS", 3)
    assert "more than 3 files; unpack the archive" in read_archive_error(path)


def test_link_to_a_later_file_is_followed_and_the_order_is_kept(tmp_path: Path) -> None:
    link = make_link("b.png", "d.png", tarfile.SYMTYPE)
    path = write_tar(tmp_path / "a.tar.gz", ("a.png", b"1"), link, ("c.png", b"3"), ("d.png", b"4"), mode="w:gz")
    assert list(read_archive(path).items()) == [("a.png", b"1"), ("b.png", b"4"), ("c.png", b"3"), ("d.png", b"4")]


def test_files_that_links_repeat_count_towards_the_limit(tmp_path: Path) -> None:
    # A compressed archive is decompressed from its start for each link.
    links = [make_link(f"{number}.png", "a.png") for number in range(20)]
    path = write_tar(tmp_path / "a.tar.gz", ("a.png", bytes(10**6)), *links, mode="w:gz")
    assert len(read_archive(path, max_gb=0.1)) == 21
    assert "files that links repeat" in read_archive_error(path, max_gb=0.01)


def test_headers_after_a_link_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tar(
        tmp_path / "a.tar", make_link("a.png", "3.png", tarfile.SYMTYPE), *((f"{n}.png", b"1") for n in range(4))
    )
    monkeypatch.setattr(archive_limits, "MAX_MEMBERS", 3)
    assert "more than 3 files" in read_archive_error(path)


def test_file_with_holes_is_refused_if_it_is_selected(tmp_path: Path) -> None:
    member = tarfile.TarInfo("x.png")
    member.size = 512
    member.pax_headers = {"GNU.sparse.map": "0,512,10,1,10,1", "GNU.sparse.size": "1000"}
    path = write_tar(tmp_path / "a.tar", member, make_link("y.png", "x.png"), ("z.png", b"1"))
    assert "x.png is stored with holes; pack it without `--sparse`" in read_archive_error(path)
    assert [str(name) for name, _ in iter_files(path, lambda name: name.name == "z.png")] == ["z.png"]
    with pytest.raises(UserError, match=r"y\.png is a link to x\.png, which is not a file of the archive"):
        list(iter_files(path, lambda name: name.name == "y.png"))


def test_name_that_starts_like_a_zip_archive(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", ("PK_orchard/x.png", b"1"))
    assert read_archive(path) == {"PK_orchard/x.png": b"1"}


def test_files_of_operating_systems_are_skipped(tmp_path: Path) -> None:
    names = ("@eaDir/x.png", ".ipynb_checkpoints/x.png", "d/.thumbnails/x.png", "d/Thumbs.db", "d/x.png")
    path = write_tar(tmp_path / "a.tar", *((name, b"1") for name in names))
    assert list(read_archive(path)) == ["d/x.png"]
