"""The state of local files and folders, which rules have as a parameter."""

import os
import shutil
from pathlib import Path

import pytest

from samgap.errors import UserError
from samgap.jobs import local_inputs
from samgap.jobs.local_inputs import (
    describe_local_source,
    describe_named_files,
    find_local_source,
    list_label_files,
    list_named_files,
    validate_local_sources,
)

OLD_NS = 1_500_000_000_123_456_789


def describe(path: Path) -> str:
    """Return the state of a path as a new process sees it."""
    local_inputs.describe_state.cache_clear()
    return local_inputs.describe_state(str(path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file and a sub-folder of two files."""
    folder = tmp_path / "orchard"
    (folder / "images").mkdir(parents=True)
    for name in ("labels.json", "images/a.jpg", os.fsdecode(b"images/r\xf6w.jpg")):
        (folder / name).write_text("abc", encoding="utf-8")
    return folder


def replace_by_older(path: Path) -> None:
    """Replace a file by another one of the same size with an older time, as `cp -p` and `rsync -t` do."""
    path.with_name("new").write_text("xyz", encoding="utf-8")
    os.utime(path.with_name("new"), ns=(OLD_NS, OLD_NS))
    path.with_name("new").replace(path)


def edit_in_place(path: Path) -> None:
    status = path.stat()
    path.write_text("x", encoding="utf-8")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES = {
    "edited with the same time": lambda folder: edit_in_place(folder / "images/a.jpg"),
    "touched by one ns": lambda folder: os.utime(folder / "labels.json", ns=(OLD_NS, OLD_NS + 1)),
    "replaced by an older file": lambda folder: replace_by_older(folder / "images/a.jpg"),
    "added": lambda folder: (folder / "images/c.jpg").touch(),
    "removed": lambda folder: (folder / "images/a.jpg").unlink(),
    "renamed": lambda folder: (folder / "images/a.jpg").rename(folder / "images/c.jpg"),
    "in a renamed folder": lambda folder: (folder / "images").rename(folder / "pictures"),
    "two exchanged": lambda folder: exchange(folder / "images/a.jpg", folder / "labels.json"),
}


def exchange(first: Path, second: Path) -> None:
    aside = first.rename(first.with_name("aside"))
    second.rename(first)
    aside.rename(second)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_in_a_folder_changes_its_state(folder: Path, change) -> None:
    os.utime(folder / "labels.json", ns=(OLD_NS, OLD_NS))
    before = describe(folder)
    change(folder)
    assert describe(folder) != before


def test_what_is_not_read_does_not_change_the_state_of_a_folder(folder: Path) -> None:
    before = describe(folder)
    assert before.startswith("3 files, ")
    for name in (".DS_Store", "images/._a.jpg", "images/Thumbs.db", ".git/config", "@eaDir/a.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    os.utime(folder)
    assert describe(folder) == before


def test_a_copy_of_a_folder_with_its_times_has_the_same_state(folder: Path, tmp_path: Path) -> None:
    assert describe(Path(shutil.copytree(folder, tmp_path / "copy"))) == describe(folder)
    (tmp_path / "link").symlink_to(folder)
    assert describe(tmp_path / "link") == describe(folder)


def test_a_file_behind_a_link_counts_and_a_loop_of_links_ends(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far/c.jpg").write_text("abc", encoding="utf-8")
    (folder / "images/far").symlink_to(tmp_path / "far")
    (folder / "images/loop").symlink_to(folder)
    (folder / "nothing.jpg").symlink_to("missing")
    before = describe(folder)
    replace_by_older(tmp_path / "far/c.jpg")
    assert describe(folder) != before


def test_the_state_of_a_file_shows_every_change(folder: Path) -> None:
    path = folder / "labels.json"
    states = [describe(path)]
    for change in (edit_in_place, replace_by_older, Path.unlink):
        change(path)
        states.append(describe(path))
    assert len(set(states)) == 4
    assert states[2] == f"3 bytes, {OLD_NS} ns"
    assert states[3].startswith("not readable")


def test_a_path_is_examined_once_in_a_process(folder: Path) -> None:
    before = describe(folder)
    (folder / "images/c.jpg").touch()
    assert local_inputs.describe_state(str(folder)) == before


def test_an_unreadable_folder_is_left_to_the_job(folder: Path, monkeypatch) -> None:
    def refuse(path) -> None:
        raise UserError("images: the folder cannot be listed")

    monkeypatch.setattr(local_inputs, "walk_visible_files", refuse)
    assert describe(folder) == "not readable (images: the folder cannot be listed)"


def test_files_that_an_entry_names_at_any_depth_are_inputs(folder: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder.parent)
    for name in ("part.txt", "extra.csv", "apple", "a{b}.csv", "orchard/in{x}.json"):
        Path(name).touch()
    entry = {
        "kind": "coco",
        "path": "orchard",
        "annotations": ["labels.json", "missing.json", "in{x}.json"],
        "files": "part.txt",
        "nouns": {"apple": "apple"},
        "option": {"of": ["a plug-in", "extra.csv", "https://example.org/a.zip", "x" * 5000 + "/", "a{b}.csv"]},
    }
    keys = ("path", "files", "ignore")
    assert list(describe_named_files(entry, keys)) == ["orchard", "part.txt", "extra.csv", "a{b}.csv"]
    assert list_named_files(entry, keys) == ["part.txt", "extra.csv"]  # Snakemake takes braces for wildcards
    assert list_label_files(entry) == ["orchard/labels.json"]
    assert list_label_files({"annotations": ["extra.csv"], "archives": {"data": "a"}}) == []


def test_a_text_that_is_a_folder_by_chance_is_no_path(folder: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder.parent)
    Path("apple/leaf").mkdir(parents=True)
    Path("apple.d").mkdir()
    phrases = [{"phrase": text, "noun": "apple"} for text in ("apple/leaf", ".", "./", "/", "apple.d", "orchard")]
    entry = {"kind": "phrases", "phrases": phrases, "words": {"path": "orchard", "files": "apple"}, "folder": "orchard"}
    assert describe_named_files(entry) == {}
    assert list(describe_named_files(entry, ["folder"])) == ["orchard"]
    assert list_named_files(entry, ["folder"]) == []


def test_archives_and_weights_may_be_copies_of_local_files(folder: Path) -> None:
    file = folder / "labels.json"
    root = folder.parent
    assert find_local_source({"file": "a", "url": f"file://{file}"}, root) == file
    assert find_local_source({"file": "a", "url": str(file)}, root) == file
    assert find_local_source({"path": "orchard/labels.json"}, root) == file
    assert find_local_source({"path": "~/a.pt"}, root) == Path.home() / "a.pt"
    for source in (None, {}, {"url": "https://example.org/a"}, {"hub": "a/b", "file": "c"}, {"training": "a"}):
        assert find_local_source(source, root) is None and describe_local_source(source, root) is None
    assert describe_local_source({"path": "orchard/labels.json"}, root) == local_inputs.describe_state(str(file))


def test_a_local_source_that_is_not_a_file_is_one_line(folder: Path) -> None:
    file, root = str(folder / "labels.json"), folder.parent
    found = {"archives.a": {"url": file}, "models.a.weights": {"path": "orchard/labels.json"}, "models.b.weights": None}
    validate_local_sources(found, root)
    for key, source, message in (
        ("archives.b", {"url": "/nowhere/a.zip"}, "archives.b.url is /nowhere/a.zip, which does not exist"),
        ("archives.b", {"url": "file:///nowhere/a.zip"}, "archives.b.url is /nowhere/a.zip, which does not exist"),
        ("models.c.weights", {"path": "a.pt"}, f"models.c.weights.path is {root}/a.pt, which does not exist"),
        ("models.c.weights", {"path": str(folder)}, f"models.c.weights.path is {folder}, which is a folder"),
    ):
        with pytest.raises(UserError) as error:
            validate_local_sources({**found, key: source}, root)
        assert str(error.value) == f"config: {message}; name a file on this machine"
