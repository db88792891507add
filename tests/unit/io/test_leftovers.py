"""Temporary files and folders of killed processes are removed, and those of living processes are not."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from samgap.io import leftovers
from samgap.io.files import atomic_directory, atomic_write, replace_link
from samgap.io.leftovers import OTHER_HOST_AGE_S, remove_leftovers, temporary_file, temporary_folder
from samgap.jobs.code_hash import PACKAGE_DIR

WRITER = """
import sys, time
from pathlib import Path
from samgap.io.files import atomic_directory, atomic_write
folder = Path(sys.argv[1])
with atomic_directory(folder / "images") as images, atomic_write(folder / "table.parquet"):
    (images / "a.png").touch()
    print("started", flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def start_writer(folder: Path) -> Iterator[subprocess.Popen]:
    """Start a process that writes `images/` and `table.parquet`, and kill it at the end."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)],
        env={**os.environ, "PYTHONPATH": str(PACKAGE_DIR.parent)},
        stdout=subprocess.PIPE,
    )
    try:
        assert writer.stdout is not None and writer.stdout.readline() == b"started\n"
        yield writer
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()


def rename_host(path: Path, age_s: float) -> Path:
    """Rename a temporary item as that of another host that last changed `age_s` seconds ago."""
    renamed = path.rename(path.with_name(re.sub(r"\.tmp-[0-9a-f]{8}-", ".tmp-00000000-", path.name)))
    os.utime(renamed, (time.time() - age_s,) * 2)
    return renamed


def test_items_of_a_killed_process_are_removed_by_the_next_writer_in_the_folder(tmp_path):
    with start_writer(tmp_path):
        pass
    names = [re.sub(r"tmp-.*", "tmp-", path.name) for path in sorted(tmp_path.iterdir())]
    assert names == [".images.tmp-", ".table.parquet.tmp-"]
    with atomic_directory(tmp_path / "images") as images:
        (images / "b.png").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["images"]
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["b.png"]


def test_items_of_a_living_process_are_kept(tmp_path):
    with start_writer(tmp_path):
        before = sorted(tmp_path.iterdir())
        with atomic_write(tmp_path / "table.parquet"):
            pass
        assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "table.parquet"])


@pytest.mark.parametrize("make", [temporary_file, temporary_folder])
def test_a_lock_protects_an_item_whose_process_is_not_visible(tmp_path, monkeypatch, make):
    """A process of another container has the same host name but no process id here."""
    monkeypatch.setattr(leftovers, "is_process_alive", lambda pid: False)
    with make(tmp_path / "a.json") as temporary:
        remove_leftovers(tmp_path)
        assert temporary.exists()
        old = rename_host(temporary, OTHER_HOST_AGE_S + 60)
        remove_leftovers(tmp_path)
        assert old.exists()
    remove_leftovers(tmp_path)
    assert not old.exists()


@pytest.mark.parametrize("make", [temporary_file, temporary_folder])
def test_an_unlocked_item_of_another_host_is_removed_when_it_is_old(tmp_path, make):
    with contextlib.ExitStack() as stack:
        temporary = stack.enter_context(make(tmp_path / "a.json"))
        young = rename_host(temporary, OTHER_HOST_AGE_S - 60)
    remove_leftovers(tmp_path)
    assert young.exists()
    old = rename_host(young, OTHER_HOST_AGE_S + 60)
    remove_leftovers(tmp_path)
    assert not old.exists()


def test_a_link_of_a_killed_process_is_removed(tmp_path):
    with start_writer(tmp_path) as writer:
        (name,) = [path.name for path in tmp_path.iterdir() if path.name.startswith(".table")]
    link = tmp_path / name.replace("table.parquet", "weights.pt").removesuffix(".parquet")
    link.symlink_to("nothing")
    assert str(writer.pid) in link.name
    replace_link(tmp_path / "weights.pt", "other")
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pt"]
    assert os.readlink(tmp_path / "weights.pt") == "other"


def test_other_hidden_files_are_kept(tmp_path):
    names = {".a.json", ".images.original", ".snakemake_timestamp", ".tmp-0-0-abcdefgh", "a.tmp-00000000-1-abcdefgh"}
    for name in names:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == names


def test_a_file_with_a_long_name_is_written(tmp_path):
    path = tmp_path / ("x" * 250 + ".csv")
    with atomic_write(path) as temporary:
        temporary.write_text("done", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "done"
