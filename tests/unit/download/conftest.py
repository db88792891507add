"""A server with one file, and the path that it is downloaded to."""

from pathlib import Path

import pytest

from samgap.download import resumable
from samgap.download.cache import DownloadSettings
from tests.helpers.downloads import DATA
from tests.helpers.server import Server


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A server of `a.bin`, whose failed requests are retried without a wait."""
    monkeypatch.setattr(resumable, "BACKOFF_S", 0.001)
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.bin").write_bytes(DATA)
    with Server(folder) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> DownloadSettings:
    """The settings of downloads with a cache of their own."""
    return DownloadSettings(tmp_path / "cache")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out" / "a.bin"


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Divide also small files into pieces."""
    monkeypatch.setattr(resumable, "MIN_PIECE_BYTES", 1000)
