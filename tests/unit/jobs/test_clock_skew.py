"""Outputs are not older than inputs that a node with a fast clock wrote."""

import asyncio
import os
from types import SimpleNamespace

import pytest

from samgap.jobs.clock_skew import accept_clock_skew, advance_outputs


@pytest.fixture
def files(tmp_path):
    """An old and a new input, and an output between them."""
    for name, seconds in (("old", 100), ("output", 200), ("new", 300)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (seconds, seconds))
    return tmp_path


def read_times(folder):
    return {path.name: path.lstat().st_mtime for path in folder.iterdir()}


def test_an_output_that_is_older_than_an_input_gets_its_time(files):
    advance_outputs([files / "old", files / "new", files / "missing"], [files / "output", files / "missing"])
    assert read_times(files) == {"old": 100, "output": 300, "new": 300}


def test_a_newer_output_is_unchanged(files):
    advance_outputs([files / "old"], [files / "output"])
    assert read_times(files) == {"old": 100, "output": 200, "new": 300}


def test_the_file_behind_a_link_is_unchanged(files):
    (files / "link").symlink_to(files / "output")
    os.utime(files / "link", (50, 50), follow_symlinks=False)
    advance_outputs([files / "new"], [files / "link"])
    assert read_times(files) == {"old": 100, "output": 200, "new": 300, "link": 300}


def test_snakemake_does_not_compare_the_times_and_gets_outputs_that_are_not_older(files):
    calls = []

    class Graph:
        async def check_and_touch_output(self, job, wait=3, check_output_mtime=True):
            calls.append((wait, check_output_mtime))

    accept_clock_skew(Graph)
    job = SimpleNamespace(input=[files / "new"], output=[files / "output"])
    asyncio.run(Graph().check_and_touch_output(job, wait=5, check_output_mtime=True))
    assert calls == [(5, False)]
    assert read_times(files)["output"] == 300
