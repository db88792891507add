"""Files and folders are whole or absent, whatever happens while they are written."""

import hashlib
import json
import stat
from pathlib import Path

import pytest

from samgap.io.files import atomic_directory, atomic_write, read_json, sha256, write_json


def test_sha256_is_that_of_the_bytes(tmp_path):
    data = bytes(range(256)) * 9000
    (tmp_path / "a").write_bytes(data)
    assert sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_a_file_appears_when_the_block_is_done_and_not_before(tmp_path):
    path = tmp_path / "new" / "table.parquet"
    with atomic_write(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == ".parquet"
        temporary.write_text("done")
        assert not path.exists()
    assert path.read_text() == "done"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_block_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(OSError), atomic_write(path) as temporary:
        temporary.joinpath("half").write_text("not below a file")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_do_not_meet(tmp_path):
    path = tmp_path / "a"
    with atomic_write(path) as first, atomic_write(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with atomic_write(tmp_path / "a"):
        pass
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    (tmp_path / "folder").mkdir()
    with atomic_directory(tmp_path / "b"):
        pass
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == stat.S_IMODE((tmp_path / "folder").stat().st_mode)


def test_a_folder_is_swapped_in_whole(tmp_path):
    path = tmp_path / "images"
    path.mkdir()
    (path / "old.png").touch()
    with atomic_directory(path) as temporary:
        (temporary / "new.png").touch()
        assert [file.name for file in path.iterdir()] == ["old.png"]
    assert [file.name for file in path.iterdir()] == ["new.png"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_folder_leaves_the_old_one(tmp_path):
    path = tmp_path / "images"
    path.mkdir()
    (path / "old.png").touch()
    with pytest.raises(OSError), atomic_directory(path) as temporary:
        (temporary / "no folder" / "new.png").touch()
    assert [file.name for file in path.iterdir()] == ["old.png"]
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_the_same_bytes_for_the_same_content(tmp_path: Path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [1, None]})
    write_json(tmp_path / "b.json", {"a": [1, None], "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert read_json(tmp_path / "a.json") == json.loads((tmp_path / "b.json").read_text()) == {"a": [1, None], "b": 1}
