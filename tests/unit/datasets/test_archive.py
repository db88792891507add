"""Hostile and damaged archives: nothing is written, nothing outside is read, and the amount of data is limited."""

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from samgap.datasets import archive_limits
from samgap.errors import UserError
from tests.helpers.archive_files import read_archive, read_archive_error


def write_tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for member, content in members:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content))
    return path


def make_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


@pytest.fixture(autouse=True)
def _check_that_nothing_is_written(tmp_path: Path) -> Iterator[None]:
    """Check that reading an archive writes no file."""
    (tmp_path / "outside").write_bytes(b"secret")
    yield
    assert {path.name for path in tmp_path.iterdir()} <= {"outside", "a", "d", "e"}
    assert (tmp_path / "outside").read_bytes() == b"secret"


OUTSIDE_PATHS = ["../outside", "d/../../outside", "/etc/passwd", "..\\outside", "C:\\outside", "\\\\host\\share"]


@pytest.mark.parametrize("name", OUTSIDE_PATHS)
def test_member_path_outside_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    message = "a path outside the archive; the archive is refused"
    assert message in read_archive_error(
        write_tar(tmp_path / "a", (make_member("fine.png"), b"1"), (make_member(name), b"evil"))
    )
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"evil")
    assert message in read_archive_error(tmp_path / "a")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["../outside", "/etc/passwd", "nowhere.png"])
def test_link_to_outside_the_archive_is_refused(tmp_path: Path, kind: bytes, target: str) -> None:
    archive = write_tar(tmp_path / "a", (make_member("x.png", kind, target), b""))
    assert f"x.png is a link to {target}, which is not a file of the archive" in read_archive_error(archive)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_link_inside_the_archive_is_followed(tmp_path: Path, kind: bytes) -> None:
    # The target of a symbolic link is relative to its folder, that of a hard link to the root of the archive.
    target = "one.png" if kind == tarfile.SYMTYPE else "d/one.png"
    archive = write_tar(
        tmp_path / "a", (make_member("d/one.png"), b"1"), (make_member("d/two.png", kind, target), b""), mode="w:gz"
    )
    assert read_archive(archive) == {"d/one.png": b"1", "d/two.png": b"1"}


def test_link_to_itself_is_refused(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a", (make_member("x.png", tarfile.SYMTYPE, "x.png"), b""))
    assert "x.png" in read_archive_error(archive) or "damaged" in read_archive_error(archive)


def test_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("x.png")
    member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr(member, "../outside")
    assert "x.png is a link; pack the file itself" in read_archive_error(tmp_path / "a")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_device_is_refused(tmp_path: Path, kind: bytes) -> None:
    assert "zero.png is a device" in read_archive_error(write_tar(tmp_path / "a", (make_member("zero.png", kind), b"")))


@pytest.mark.parametrize("packed", ["w:gz", "w:xz", "zip"])
def test_total_size_of_an_archive_is_limited(tmp_path: Path, packed: str) -> None:
    """A decompression bomb: three megabytes of zeros in a few kilobytes, in files that are not selected."""
    if packed == "zip":
        with zipfile.ZipFile(tmp_path / "a", "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(3):
                archive.writestr(f"{number}.bin", bytes(10**6))
    else:
        write_tar(tmp_path / "a", *((make_member(f"{number}.bin"), bytes(10**6)) for number in range(3)), mode=packed)
    assert (tmp_path / "a").stat().st_size < 20_000
    assert read_archive(tmp_path / "a", lambda path: path.suffix == ".png", max_gb=0.003) == {}
    filtered_paths = []

    def select_nothing(path: PurePosixPath) -> bool:
        filtered_paths.append(path)
        return False

    with pytest.raises(UserError, match=r"larger than 0\.002 GB when unpacked; raise `max-gb`"):
        read_archive(tmp_path / "a", select_nothing, max_gb=0.002)
    assert len(filtered_paths) == 2


@pytest.mark.parametrize("packed", ["tar", "zip", "folder"])
def test_size_of_a_file_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: str) -> None:
    monkeypatch.setattr(archive_limits, "MAX_FILE_BYTES", 1000)
    if packed == "tar":
        write_tar(tmp_path / "a", (make_member("x.png"), bytes(1001)))
    elif packed == "zip":
        with zipfile.ZipFile(tmp_path / "a", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.png", bytes(1001))
    else:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "x.png").write_bytes(bytes(1001))
    assert "has 1001 bytes; the limit for one file is 1000" in read_archive_error(tmp_path / "a")


def test_zip_with_understated_size_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.png", bytes(10**6))
    content = (tmp_path / "a").read_bytes()
    size = (10**6).to_bytes(4, "little")
    assert content.count(size) == 2
    (tmp_path / "a").write_bytes(content.replace(size, (10).to_bytes(4, "little")))
    assert "damaged archive" in read_archive_error(tmp_path / "a")


def test_hidden_files_are_skipped(tmp_path: Path) -> None:
    hidden = ("._x.png", ".DS_Store", "__MACOSX/x.png")
    archive = write_tar(
        tmp_path / "a", (make_member("d", tarfile.DIRTYPE), b""), *((make_member(name), b"1") for name in hidden)
    )
    assert read_archive(archive) == {}


def test_folder_is_read_like_an_archive(tmp_path: Path) -> None:
    (tmp_path / "d" / "images").mkdir(parents=True)
    for name in ("b.png", "a.png", ".hidden.png"):
        (tmp_path / "d" / "images" / name).write_bytes(name.encode())
    assert list(read_archive(tmp_path / "d")) == ["d/images/a.png", "d/images/b.png"]
    # Links in a folder are followed, also to another folder; in a loop of links, each folder is visited once.
    (tmp_path / "e").mkdir()
    os.symlink(tmp_path / "d" / "images", tmp_path / "e" / "photos")
    os.symlink(tmp_path / "e", tmp_path / "e" / "again")
    assert read_archive(tmp_path / "e") == {"e/photos/a.png": b"a.png", "e/photos/b.png": b"b.png"}
    os.symlink(tmp_path / "nothing.png", tmp_path / "e" / "broken.png")
    with pytest.raises(UserError, match=r"broken\.png: cannot be read"):
        read_archive(tmp_path / "e")
