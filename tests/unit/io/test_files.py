"""Files and folders are complete or absent, also after an error while they are written."""

import hashlib
import json
import stat
from pathlib import Path

import pytest

from samgap.io.files import (
    atomic_directory,
    atomic_write,
    hash_checksums,
    read_json,
    read_json_object,
    sha256,
    write_json,
)


def test_sha256_is_of_all_bytes_of_a_file(tmp_path):
    data = bytes(range(256)) * 9000
    (tmp_path / "a").write_bytes(data)
    assert sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_checksums_of_several_files_are_hashed_in_the_order_of_the_names():
    expected = hashlib.sha256(b"00  a.jpg\nff  b.jpg\n").hexdigest()
    assert hash_checksums({"b.jpg": "ff", "a.jpg": "00"}) == expected
    assert hash_checksums({"a.jpg": "ff", "b.jpg": "00"}) != expected
    # This is the name of a file whose bytes are not UTF-8.
    assert hash_checksums({"\udcff": "00"}) == hashlib.sha256(b"00  \xff\n").hexdigest()


def test_a_file_appears_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "new" / "table.parquet"
    with atomic_write(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == ".parquet"
        temporary.write_text("done", encoding="utf-8")
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "done"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_block_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(OSError), atomic_write(path) as temporary:
        temporary.joinpath("half").write_text("not below a file", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_do_not_mix_their_content(tmp_path):
    path = tmp_path / "a"
    with atomic_write(path) as first, atomic_write(path) as second:
        assert first != second
        first.write_text("first", encoding="utf-8")
        second.write_text("second", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_the_default_for_new_files(tmp_path):
    (tmp_path / "plain").touch()
    with atomic_write(tmp_path / "a"):
        pass
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    (tmp_path / "folder").mkdir()
    with atomic_directory(tmp_path / "b"):
        pass
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == stat.S_IMODE((tmp_path / "folder").stat().st_mode)


def test_a_folder_replaces_the_old_one_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "images"
    path.mkdir()
    (path / "old.png").touch()
    with atomic_directory(path) as temporary:
        (temporary / "new.png").touch()
        assert [file.name for file in path.iterdir()] == ["old.png"]
    assert [file.name for file in path.iterdir()] == ["new.png"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_block_leaves_the_old_folder(tmp_path):
    path = tmp_path / "images"
    path.mkdir()
    (path / "old.png").touch()
    with pytest.raises(OSError), atomic_directory(path) as temporary:
        (temporary / "no folder" / "new.png").touch()
    assert [file.name for file in path.iterdir()] == ["old.png"]
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_content_gives_the_same_bytes_of_json(tmp_path: Path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [1, None]})
    write_json(tmp_path / "b.json", {"a": [1, None], "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (
        read_json(tmp_path / "a.json")
        == json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
        == {"a": [1, None], "b": 1}
    )


def test_text_in_json_files_is_utf_8(tmp_path: Path):
    (tmp_path / "a.json").write_bytes('{"name": "Äpfel"}'.encode())
    assert read_json(tmp_path / "a.json") == {"name": "Äpfel"}


@pytest.mark.parametrize("content", [None, "{", "[1]", "1"])
def test_a_file_without_a_json_object_gives_an_empty_one(tmp_path: Path, content):
    if content is not None:
        (tmp_path / "a.json").write_text(content, encoding="utf-8")
    assert read_json_object(tmp_path / "a.json") == {}


def test_a_json_object_is_read(tmp_path: Path):
    write_json(tmp_path / "a.json", {"key": [1]})
    assert read_json_object(tmp_path / "a.json") == {"key": [1]}
