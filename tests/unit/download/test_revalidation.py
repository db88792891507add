"""A cached file is used only while it is the file on the server, unless its checksum is configured."""

import hashlib
import random
from pathlib import Path

import pytest

from samgap.download import cache
from samgap.download.cache import DownloadSettings, fetch_cached
from samgap.download.entries import get_entry_path, get_receipt_path, read_receipt
from samgap.download.revalidation import OFFLINE_VARIABLE
from samgap.io.files import read_json, write_json
from tests.helpers.server import Server

OLD, NEW = (random.Random(seed).randbytes(100_000) for seed in (1, 2))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(OFFLINE_VARIABLE, raising=False)
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.bin").write_bytes(OLD)
    with Server(tmp_path / "served") as running:
        yield running


def fetch(server: Server, settings: DownloadSettings, **expected) -> bytes:
    """Fetch a.bin, and return its content."""
    target = settings.cache.parent / "a"
    result = fetch_cached(server.url_of("a.bin"), target, settings, **expected)
    assert result["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    return target.read_bytes()


def fetch_and_clear(server: Server, settings: DownloadSettings) -> None:
    """Fetch a.bin into the empty cache, and forget the request."""
    assert fetch(server, settings) == OLD
    server.requests.clear()
    server.sent_bytes = 0


@pytest.mark.parametrize("header", ["etag", "modified"])
def test_an_unchanged_file_is_not_downloaded_again(server: Server, settings: DownloadSettings, header: str) -> None:
    server.send_etag, server.send_modified = header == "etag", header == "modified"
    fetch_and_clear(server, settings)
    assert fetch(server, settings) == OLD
    assert len(server.requests) == 1 and server.sent_bytes == 0
    receipt = read_receipt(get_entry_path(server.url_of("a.bin"), settings.cache))
    assert [key for key in ("etag", "modified") if receipt[key]] == [header]


def test_an_unchanged_file_of_a_server_without_conditional_requests(server: Server, settings: DownloadSettings) -> None:
    fetch_and_clear(server, settings)
    server.answer_conditions = False
    assert fetch(server, settings) == OLD
    assert len(server.requests) == 1


def test_a_changed_file_is_downloaded_again(server: Server, settings: DownloadSettings) -> None:
    fetch_and_clear(server, settings)
    (server.folder / "a.bin").write_bytes(NEW)
    assert fetch(server, settings) == NEW
    receipt = read_receipt(get_entry_path(server.url_of("a.bin"), settings.cache))
    assert receipt["sha256"] == hashlib.sha256(NEW).hexdigest()
    server.requests.clear()
    assert fetch(server, settings) == NEW
    assert len(server.requests) == 1


def test_a_file_of_an_unknown_version_is_downloaded_again(server: Server, settings: DownloadSettings) -> None:
    server.send_etag = False
    fetch_and_clear(server, settings)
    (server.folder / "a.bin").write_bytes(NEW)
    assert fetch(server, settings) == NEW


def test_a_receipt_without_a_version_is_replaced(server: Server, settings: DownloadSettings) -> None:
    fetch_and_clear(server, settings)
    path = get_receipt_path(get_entry_path(server.url_of("a.bin"), settings.cache))
    write_json(path, {key: value for key, value in read_json(path).items() if key not in ("etag", "modified")})
    assert fetch(server, settings) == OLD
    assert len(server.requests) == 2  # for the version, which is unknown here, and for the file
    assert read_json(path)["etag"]


def test_an_agreeing_checksum_needs_no_request(server: Server, settings: DownloadSettings) -> None:
    fetch_and_clear(server, settings)
    (server.folder / "a.bin").write_bytes(NEW)
    assert fetch(server, settings, sha256=hashlib.sha256(OLD).hexdigest()) == OLD
    assert fetch(server, settings, md5=hashlib.md5(OLD).hexdigest(), second_hand=True) == OLD
    assert server.requests == []
    assert fetch(server, settings, size=len(OLD)) == NEW  # a size is no checksum


def test_without_a_network_the_cache_is_used_with_a_warning(server, settings: DownloadSettings, caplog) -> None:
    fetch_and_clear(server, settings)
    server.__exit__()
    try:
        assert fetch(server, settings) == OLD
    finally:
        server.__enter__()
    assert "warning: the file in the cache is used, which may not be the newest" in caplog.text
    assert "cannot be reached" in caplog.text


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [(404, {}, "responds 404"), (503, {}, "responds 503"), (200, {"Content-Type": "text/html"}, "a web page")],
    ids=["gone", "fault", "login page"],
)
def test_without_the_file_on_the_server_the_cache_is_used_with_a_warning(
    server: Server, settings: DownloadSettings, caplog, status: int, headers: dict, reason: str
) -> None:
    fetch_and_clear(server, settings)
    (server.folder / "a.bin").write_bytes(NEW)
    server.next_statuses, server.extra_headers = [status], headers
    assert fetch(server, settings) == OLD
    assert reason in caplog.text and "the file in the cache is used" in caplog.text


def test_offline_mode_sends_no_request(server: Server, settings: DownloadSettings, monkeypatch) -> None:
    fetch_and_clear(server, settings)
    monkeypatch.setenv(OFFLINE_VARIABLE, "1")
    assert fetch(server, settings) == OLD
    assert server.requests == []


def test_a_read_only_cache_is_used_as_it_is(server: Server, settings: DownloadSettings, monkeypatch) -> None:
    fetch_and_clear(server, settings)
    (server.folder / "a.bin").write_bytes(NEW)
    access = cache.os.access
    monkeypatch.setattr(cache.os, "access", lambda path, mode: path != settings.cache and access(path, mode))
    assert fetch(server, settings) == OLD
    assert server.requests == []


def test_a_changed_file_of_a_mirror_in_a_folder_is_copied_again(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv(OFFLINE_VARIABLE, raising=False)
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    settings = DownloadSettings(tmp_path / "cache", {"http://nobody.invalid/": f"{mirror}/"})
    for content in (OLD, NEW):
        (mirror / "a.bin").write_bytes(content)
        fetch_cached("http://nobody.invalid/a.bin", tmp_path / "a", settings)
        assert (tmp_path / "a").read_bytes() == content
