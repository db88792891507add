"""Which files of a folder a data set was made from."""

import hashlib
import os
from pathlib import Path, PurePosixPath

import pytest

from samgap.datasets import coco, minneapple_layout
from samgap.datasets.read_log import record_read, record_reads
from samgap.errors import UserError
from samgap.io.files import sha256
from tests.helpers.archives import write_orchard_folder

COCO = {"annotations": ["instances.json"], "nouns": {"apple": "apple"}}


def hash_files(folder: Path, names: list[str]) -> dict:
    """Return the expected summary of files of a folder."""
    lines = "".join(f"{sha256(folder / name)}  {name}\n" for name in sorted(names))
    return {"n_files": len(names), "sha256": hashlib.sha256(lines.encode()).hexdigest()}


def read_data_set(kind, options: dict, folder: Path) -> dict:
    """Read a data set, and return the summary of its files."""
    with record_reads() as reads:
        list(kind.iter_images(options, {"data": folder}, 0))
    return reads.summarize(folder)


def test_the_files_that_a_kind_reads_are_recorded(tmp_path):
    folder = tmp_path / "orchard"
    write_orchard_folder(folder)
    names = [path.relative_to(folder).as_posix() for path in (folder / "images").iterdir()]
    masks = [path.relative_to(folder).as_posix() for path in (folder / "masks").iterdir()]
    assert read_data_set(coco, COCO, folder) == hash_files(folder, [*names, "instances.json"])
    assert read_data_set(minneapple_layout, {}, folder) == hash_files(folder, [*names, *masks])


def test_files_that_are_not_selected_are_not_recorded(tmp_path):
    folder = tmp_path / "orchard"
    write_orchard_folder(folder)
    (tmp_path / "part.txt").write_text("row1_0001.jpg\n", encoding="utf-8")
    expected = hash_files(folder, ["images/row1_0001.jpg", "masks/row1_0001.png"])
    assert read_data_set(minneapple_layout, {"files": str(tmp_path / "part.txt")}, folder) == expected


def test_content_and_name_of_a_file_change_the_checksum_and_its_time_does_not(tmp_path):
    folder = tmp_path / "orchard"
    write_orchard_folder(folder)
    first = read_data_set(coco, COCO, folder)
    (folder / "instances.json").touch()
    assert read_data_set(coco, COCO, folder) == first
    (folder / "instances.json").write_text(
        (folder / "instances.json").read_text(encoding="utf-8") + " ", encoding="utf-8"
    )
    second = read_data_set(coco, COCO, folder)
    (folder / "images").rename(folder / "photographs")
    third = read_data_set(coco, COCO, folder)
    assert len({summary["sha256"] for summary in (first, second, third)}) == 3


def test_all_visible_files_count_if_a_kind_does_not_record_its_files(tmp_path):
    write_orchard_folder(tmp_path)
    (tmp_path / ".hidden").touch()
    (tmp_path / "nothing").symlink_to("missing")
    names = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*") if path.name != ".hidden"]
    with record_reads() as reads:
        pass
    assert reads.summarize(tmp_path) == hash_files(tmp_path, names)


def test_a_name_may_have_bytes_that_are_not_unicode(tmp_path):
    name = os.fsdecode(b"r\xf6w.jpg")
    with record_reads() as reads:
        record_read(tmp_path, PurePosixPath(name), b"")
    line = hashlib.sha256(b"").hexdigest().encode() + b"  r\xf6w.jpg\n"
    assert reads.summarize(tmp_path) == {"n_files": 1, "sha256": hashlib.sha256(line).hexdigest()}


def test_a_file_that_changes_while_it_is_read_is_an_error():
    with record_reads() as reads:
        record_read(Path("data"), PurePosixPath("a/b.jpg"), b"old")
        record_read(Path("data"), PurePosixPath("a/b.jpg"), b"old")
        with pytest.raises(UserError, match=r"data/a/b\.jpg: changed while the data set was read"):
            record_read(Path("data"), PurePosixPath("a/b.jpg"), b"new")
    record_read(Path("data"), PurePosixPath("a/b.jpg"), b"new")  # outside of the block nothing is recorded
    assert reads.summarize(Path("data"))["n_files"] == 1
