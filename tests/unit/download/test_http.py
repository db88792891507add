"""Requests that a server refuses, delays or cannot receive, and bodies in an encoding."""

from pathlib import Path

import pytest

from samgap.download import http, resumable
from samgap.download.errors import Unavailable
from samgap.download.fetch import download_file
from tests.helpers.downloads import DATA, compute_checksums
from tests.helpers.server import Server


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_retried(server: Server, target: Path, status: int) -> None:
    server.next_statuses = [status, status]
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert len(server.requests) == 3
    server.next_statuses = [status] * (resumable.MAX_RETRIES + 1)
    with pytest.raises(Unavailable, match=f"responds {status}"):
        download_file(server.url_of("a.bin"), target.with_name("b.bin"))


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_one_line_with_the_address(server: Server, target: Path, status: int) -> None:
    server.next_statuses = [status]
    with pytest.raises(Unavailable) as error:
        download_file(server.url_of("a.bin"), target)
    assert server.url_of("a.bin") in str(error.value)
    assert str(status) in str(error.value)
    assert "\n" not in str(error.value)
    assert len(server.requests) == 1
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_sets_the_wait(server: Server, target: Path, status: int, monkeypatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(http.urllib3.util.retry.time, "sleep", waits.append)
    server.extra_headers = {"Retry-After": "7"}
    server.next_statuses = [status]
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert waits == [7]


def test_a_server_that_cannot_be_reached(target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable, "BACKOFF_S", 0.001)
    with Server(tmp_path) as server:
        url = server.url_of("a.bin")
    with pytest.raises(Unavailable, match="cannot be reached"):
        download_file(url, target)


def test_the_body_is_stored_without_decompression(server: Server, target: Path) -> None:
    # Some servers declare a .gz file as gzip-encoded; it must be stored as it is.
    server.extra_headers = {"Content-Encoding": "gzip"}
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert target.read_bytes() == DATA
