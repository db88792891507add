"""Archives as someone might send them: nothing of them reaches beyond what is read, and that is bounded."""

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

from samgap.datasets import archive as _archive
from samgap.errors import UserError


def tarred(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for entry, content in members:
            entry.size = len(content) if entry.isreg() else 0
            archive.addfile(entry, io.BytesIO(content))
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    return found


def read(path: Path, wanted: Callable[[PurePosixPath], bool] = lambda _: True, **bounds: float) -> dict[str, bytes]:
    return {str(where): data for where, data in _archive.iter_files(path, wanted, **bounds)}


def error(path: Path, **bounds: float) -> str:
    with pytest.raises(UserError) as caught:
        read(path, **bounds)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def _nothing_is_written(tmp_path: Path) -> Iterator[None]:
    """No test here may leave a file that it did not make itself: an archive is read in place."""
    (tmp_path / "outside").write_bytes(b"secret")
    yield
    assert {path.name for path in tmp_path.iterdir()} <= {"outside", "a", "d", "e"}
    assert (tmp_path / "outside").read_bytes() == b"secret"


NASTY = ["../outside", "d/../../outside", "/etc/passwd", "..\\outside", "C:\\outside", "\\\\host\\share"]


@pytest.mark.parametrize("name", NASTY)
def test_a_path_outside_is_refused(tmp_path: Path, name: str) -> None:
    said = "a path outside itself; such an archive is not read"
    assert said in error(tarred(tmp_path / "a", (entry("fine.png"), b"1"), (entry(name), b"evil")))
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"evil")
    assert said in error(tmp_path / "a")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["../outside", "/etc/passwd", "nowhere.png"])
def test_a_link_out_is_refused(tmp_path: Path, kind: bytes, target: str) -> None:
    archive = tarred(tmp_path / "a", (entry("x.png", kind, target), b""))
    assert f"x.png is a link to {target}, which is no file of the archive" in error(archive)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_within_is_followed(tmp_path: Path, kind: bytes) -> None:
    # A symbolic link counts from its own folder, a hard one from the root of the archive.
    target = "one.png" if kind == tarfile.SYMTYPE else "d/one.png"
    archive = tarred(tmp_path / "a", (entry("d/one.png"), b"1"), (entry("d/two.png", kind, target), b""), mode="w:gz")
    assert read(archive) == {"d/one.png": b"1", "d/two.png": b"1"}


def test_a_link_to_itself_ends(tmp_path: Path) -> None:
    archive = tarred(tmp_path / "a", (entry("x.png", tarfile.SYMTYPE, "x.png"), b""))
    assert "x.png" in error(archive) or "damaged" in error(archive)


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("x.png")
    member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr(member, "../outside")
    assert "x.png is a link; pack the file itself" in error(tmp_path / "a")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_is_refused(tmp_path: Path, kind: bytes) -> None:
    assert "zero.png is a device" in error(tarred(tmp_path / "a", (entry("zero.png", kind), b"")))


@pytest.mark.parametrize("packed", ["w:gz", "w:xz", "zip"])
def test_an_archive_may_hold_so_much_and_no_more(tmp_path: Path, packed: str) -> None:
    """A bomb: three megabytes of zeros in a few kilobytes, in files that nobody wants."""
    if packed == "zip":
        with zipfile.ZipFile(tmp_path / "a", "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(3):
                archive.writestr(f"{number}.bin", bytes(10**6))
    else:
        tarred(tmp_path / "a", *((entry(f"{number}.bin"), bytes(10**6)) for number in range(3)), mode=packed)
    assert (tmp_path / "a").stat().st_size < 20_000
    assert read(tmp_path / "a", lambda where: where.suffix == ".png", max_gb=0.003) == {}
    asked = []

    def never(where: PurePosixPath) -> bool:
        asked.append(where)
        return False

    with pytest.raises(UserError, match=r"holds more than 0\.002 GB; raise `max-gb`"):
        read(tmp_path / "a", never, max_gb=0.002)
    assert len(asked) == 2


@pytest.mark.parametrize("packed", ["tar", "zip", "folder"])
def test_one_file_may_be_so_large_and_no_larger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: str) -> None:
    monkeypatch.setattr(_archive, "MAX_FILE_BYTES", 1000)
    if packed == "tar":
        tarred(tmp_path / "a", (entry("x.png"), bytes(1001)))
    elif packed == "zip":
        with zipfile.ZipFile(tmp_path / "a", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.png", bytes(1001))
    else:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "x.png").write_bytes(bytes(1001))
    assert "has 1001 bytes, more than the 1000" in error(tmp_path / "a")


def test_a_zip_that_understates_its_size(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.png", bytes(10**6))
    whole = (tmp_path / "a").read_bytes()
    size = (10**6).to_bytes(4, "little")
    assert whole.count(size) == 2
    (tmp_path / "a").write_bytes(whole.replace(size, (10).to_bytes(4, "little")))
    assert "damaged archive" in error(tmp_path / "a")


def test_what_is_no_file_of_the_data_is_passed_over(tmp_path: Path) -> None:
    hidden = ("._x.png", ".DS_Store", "__MACOSX/x.png")
    archive = tarred(tmp_path / "a", (entry("d", tarfile.DIRTYPE), b""), *((entry(name), b"1") for name in hidden))
    assert read(archive) == {}


def test_a_folder_is_read_as_an_archive_is(tmp_path: Path) -> None:
    (tmp_path / "d" / "images").mkdir(parents=True)
    for name in ("b.png", "a.png", ".hidden.png"):
        (tmp_path / "d" / "images" / name).write_bytes(name.encode())
    assert list(read(tmp_path / "d")) == ["d/images/a.png", "d/images/b.png"]
    # One's own links are one's own, also one to a folder; but a loop is walked once.
    (tmp_path / "e").mkdir()
    os.symlink(tmp_path / "d" / "images", tmp_path / "e" / "photos")
    os.symlink(tmp_path / "e", tmp_path / "e" / "again")
    assert read(tmp_path / "e") == {"e/photos/a.png": b"a.png", "e/photos/b.png": b"b.png"}
    os.symlink(tmp_path / "nothing.png", tmp_path / "e" / "broken.png")
    with pytest.raises(UserError, match=r"broken\.png: cannot be read"):
        read(tmp_path / "e")
