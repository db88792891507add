"""Requests that a server refuses, delays or cannot receive, and bodies in an encoding."""

from pathlib import Path

import pytest

from samgap.download import http, resumable
from samgap.download.errors import Unavailable
from samgap.download.fetch import download_file, download_version
from samgap.io import redaction
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


class EchoingServer(Server):
    """A server that repeats the request in the phrases of its statuses and in the version of the file."""

    def special_response(self, request) -> tuple[int, dict[str, str]] | None:
        request.responses = dict.fromkeys(request.responses, (request.path, ""))
        self.extra_headers = {"ETag": f'"{request.path}"', "Last-Modified": request.path}
        return (403, {}) if "refuse" in request.path else None


def test_nothing_that_a_server_repeats_is_recorded(target: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(redaction, "_hidden_values", set())
    monkeypatch.setenv("SAMGAP_TEST_WORD", "pear-and-plum")
    (tmp_path / "a.bin").write_bytes(DATA)
    with EchoingServer(tmp_path, send_etag=False) as server:
        url = server.url_of("a.bin?x=${SAMGAP_TEST_WORD}")
        with pytest.raises(Unavailable, match=r"/a\.bin: the server responds 403 Forbidden: this run has no access$"):
            download_file(f"{url}&refuse", target)
        _, validators = download_version(url, target)
        assert validators == {"etag": None, "modified": None}


def test_the_query_of_a_redirect_is_hidden(target: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(redaction, "_hidden_values", set())
    (tmp_path / "a.bin").write_bytes(DATA)

    class RedirectingServer(Server):
        def special_response(self, request) -> tuple[int, dict[str, str]] | None:
            return None if "?" in request.path else (302, {"Location": "/a.bin?pear-and-plum"})

    with RedirectingServer(tmp_path) as server:
        download_file(server.url_of("a.bin"), target)
    assert redaction.redact("GET /a.bin?pear-and-plum") == "GET /a.bin?(hidden)"


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
