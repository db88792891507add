"""Fixtures of the tests of data sets."""

import logging
from pathlib import Path

import pytest

from tests.helpers.archives import write_orchard_folder


@pytest.fixture
def logged_warnings(caplog: pytest.LogCaptureFixture):
    """Function that returns the warnings so far."""
    caplog.set_level(logging.WARNING, logger="samgap")
    return lambda: [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


@pytest.fixture
def orchard_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write `data/my-orchard` in both layouts, and change to the folder above it."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "my-orchard"
    write_orchard_folder(folder)
    return folder
