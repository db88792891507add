"""Which files of a folder or an archive are data."""

import os
from pathlib import Path, PurePosixPath

import pytest

from samgap.errors import UserError
from samgap.io.visible_files import is_visible, walk_visible_files

SYSTEM_FILES = [
    "._a.jpg",
    ".DS_Store",
    "Thumbs.db",
    "thumbs.db",
    "images/desktop.ini",
    "@eaDir/a.jpg",
    "images/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
    ".ipynb_checkpoints/a-checkpoint.jpg",
    "__MACOSX/images/a.jpg",
    "images/.thumbnails/a.jpg",
    "$RECYCLE.BIN/a.jpg",
    "System Volume Information/a.jpg",
    "lost+found/a.jpg",
    "#recycle/a.jpg",
]
DATA_FILES = ["a.jpg", "images/_a.jpg", "images/a.b.jpg", "my thumbs/thumbs.jpg", "eaDir/a.jpg", "lost/found/a.jpg"]


@pytest.mark.parametrize("name", SYSTEM_FILES)
def test_hidden_files_and_files_of_operating_systems_are_not_visible(name: str) -> None:
    assert not is_visible(PurePosixPath(name))


@pytest.mark.parametrize("name", DATA_FILES)
def test_other_files_are_visible(name: str) -> None:
    assert is_visible(PurePosixPath(name))


def test_walk_yields_the_visible_files_in_sorted_order(tmp_path: Path) -> None:
    for name in (*SYSTEM_FILES, *DATA_FILES):
        (tmp_path / ".data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / ".data" / name).write_bytes(b"")
    # The name of the folder itself does not hide its files.
    names = [path.relative_to(tmp_path / ".data").as_posix() for path in walk_visible_files(tmp_path / ".data")]
    expected = "a.jpg", "eaDir/a.jpg", "images/_a.jpg", "images/a.b.jpg", "lost/found/a.jpg", "my thumbs/thumbs.jpg"
    assert names == list(expected)


def test_links_are_followed_but_not_to_a_folder_that_contains_them(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.jpg").write_bytes(b"")
    for name in ("a", "c"):
        (tmp_path / name).mkdir()
        os.symlink(tmp_path / "b", tmp_path / name / "link")
    os.symlink(tmp_path, tmp_path / "b" / "loop")
    names = [path.relative_to(tmp_path).as_posix() for path in walk_visible_files(tmp_path)]
    assert names == ["a/link/x.jpg", "b/x.jpg", "c/link/x.jpg"]


def test_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def scan(folder: Path) -> object:
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", scan)
    with pytest.raises(UserError, match="closed: the folder cannot be listed"):
        list(walk_visible_files(tmp_path))
