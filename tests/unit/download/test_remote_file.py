"""The version and the length of a file on a server, from the first response to the last."""

from pathlib import Path

import pytest

from samgap.download import http
from samgap.download.errors import Unavailable
from samgap.download.fetch import download_file
from samgap.errors import UserError
from tests.helpers.downloads import DATA, compute_checksums, is_only_file, leave_partial_file
from tests.helpers.server import Server


def test_without_versions_a_download_is_not_resumed(server: Server, target: Path) -> None:
    server.send_etag = False
    server.cut_after_bytes = [300_000]
    download_file(server.url_of("a.bin"), target)
    assert server.list_request_headers("Range") == [None, None]
    assert target.read_bytes() == DATA


def test_with_a_checksum_a_download_is_resumed_without_versions(server: Server, target: Path) -> None:
    server.send_etag = False
    server.cut_after_bytes = [300_000]
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert server.list_request_headers("Range") == [None, "bytes=300000-"]
    assert target.read_bytes() == DATA


@pytest.mark.parametrize("if_range", [True, False])
def test_versions_are_not_mixed_when_the_file_changes(
    server: Server, target: Path, if_range: bool, monkeypatch
) -> None:
    leave_partial_file(server, target, 300_000)
    changed = DATA[::-1]
    (server.folder / "a.bin").write_bytes(changed)
    if not if_range:  # a server that sends the range of its current version
        get = http.requests.Session.get

        def get_without_if_range(self, url, headers, **more):
            return get(self, url, headers={key: headers[key] for key in headers if key != "If-Range"}, **more)

        monkeypatch.setattr(http.requests.Session, "get", get_without_if_range)
    download_file(server.url_of("a.bin"), target)
    assert target.read_bytes() == changed


@pytest.mark.parametrize("extra", [b"", b"more"])
def test_a_partial_file_as_long_as_the_file_or_longer(server: Server, target: Path, extra: bytes) -> None:
    leave_partial_file(server, target, 300_000).write_bytes(DATA + extra)
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert target.read_bytes() == DATA
    assert len(server.requests) == (1 if extra else 0)


def test_a_web_page_instead_of_the_file_is_an_error(server: Server, target: Path) -> None:
    # A login page with status 200 must not be taken for weights whose checksum is second-hand.
    server.extra_headers = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(Unavailable, match="sent a web page instead of the file"):
        download_file(server.url_of("a.bin"), target, md5="0" * 32, second_hand=True)
    assert not target.exists()


@pytest.mark.parametrize("length", [len(DATA) - 5, len(DATA) + 5])
def test_a_wrong_content_length_is_an_error(server: Server, target: Path, length: int) -> None:
    server.claimed_length = length
    with pytest.raises(UserError):
        download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert not target.exists()
    server.claimed_length = None
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert target.read_bytes() == DATA


def test_a_server_that_sends_no_content_length(server: Server, target: Path) -> None:
    server.chunked = True
    server.cut_after_bytes = [300_000]
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert server.list_request_headers("Range") == [None, "bytes=300000-"]
    assert target.read_bytes() == DATA


@pytest.mark.parametrize("connections", [1, 3])
def test_an_empty_file(server: Server, target: Path, connections: int) -> None:
    (server.folder / "a.bin").write_bytes(b"")
    assert download_file(server.url_of("a.bin"), target, **compute_checksums(b""), connections=connections)["size"] == 0
    assert target.read_bytes() == b""
    assert is_only_file(target)
