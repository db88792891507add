"""Addresses that refer to environment variables: their values are sent in requests, and are in no file or message."""

import hashlib
import logging
from pathlib import Path

import pytest

from samgap.download import resumable
from samgap.download.cache import DownloadSettings, fetch_cached
from samgap.download.errors import Unavailable
from samgap.download.fetch import download_file, list_mirror_urls
from samgap.download.http import get_response, open_session
from samgap.errors import UserError
from samgap.io import redaction
from tests.helpers.server import Server

DATA = b"weights" * 9000
SECRET = "pear-and-plum"


class ProtectedServer(Server):
    """A server that refuses requests without `?token=SECRET`."""

    def special_response(self, request) -> tuple[int, dict[str, str]] | None:
        return None if f"token={SECRET}" in request.path else (403, {})


@pytest.fixture
def server(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(redaction, "_hidden_values", set())
    monkeypatch.setattr(resumable, "BACKOFF_S", 0.001)
    monkeypatch.setenv("SAMGAP_TEST_TOKEN", SECRET)
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.bin").write_bytes(DATA)
    with ProtectedServer(tmp_path / "served") as running:
        yield running


def read_all(folder: Path) -> bytes:
    return b"".join(path.read_bytes() + str(path).encode() for path in folder.rglob("*") if path.is_file())


def test_a_variable_is_expanded_in_the_request_alone(server: Server, tmp_path: Path) -> None:
    url = server.url_of("a.bin?token=${SAMGAP_TEST_TOKEN}")
    run = tmp_path / "run"
    server.cut_after_bytes = [20_000]  # with a partial file and a resumed request
    result = fetch_cached(url, run / "weights.pt", DownloadSettings(run / "cache"))
    assert (run / "weights.pt").read_bytes() == DATA
    assert result["source"] == server.url_of("a.bin")
    assert [request["path"] for request in server.requests] == [f"/a.bin?token={SECRET}"] * 2
    assert SECRET.encode() not in read_all(run) and SECRET not in str(result)


def test_a_renewed_token_keeps_the_cache(server: Server, tmp_path: Path, monkeypatch) -> None:
    url, settings = server.url_of("a.bin?token=${SAMGAP_TEST_TOKEN}"), DownloadSettings(tmp_path / "cache")
    fetch_cached(url, tmp_path / "one", settings)
    monkeypatch.setenv("SAMGAP_TEST_TOKEN", "renewed")
    fetch_cached(url, tmp_path / "two", settings)
    monkeypatch.delenv("SAMGAP_TEST_TOKEN")
    fetch_cached(url, tmp_path / "three", settings)
    assert (tmp_path / "three").read_bytes() == DATA
    assert server.sent_bytes == len(DATA)


def test_a_whole_address_can_be_in_a_variable(server: Server, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SAMGAP_TEST_URL", server.url_of(f"a.bin?token={SECRET}"))
    sha256 = hashlib.sha256(DATA).hexdigest()
    result = fetch_cached("${SAMGAP_TEST_URL}", tmp_path / "w", DownloadSettings(tmp_path / "cache"), sha256=sha256)
    assert (result["source"], result["sha256"]) == ("${SAMGAP_TEST_URL}", sha256)
    for value in ("/local/path", "file:///local/path", "ftp://host/a"):
        monkeypatch.setenv("SAMGAP_TEST_URL", value)
        with pytest.raises(UserError, match=r"^\$\{SAMGAP_TEST_URL\}: not a valid address$"):
            download_file("${SAMGAP_TEST_URL}", tmp_path / "x")


def test_a_missing_variable_is_an_unavailable_file(server: Server, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("SAMGAP_TEST_TOKEN")
    with pytest.raises(Unavailable, match=r"/a\.bin names the environment variable SAMGAP_TEST_TOKEN, which is not "):
        download_file(server.url_of("a.bin?token=${SAMGAP_TEST_TOKEN}"), tmp_path / "w")
    assert server.requests == []


def test_a_mirror_gets_no_value_of_a_variable(server: Server, tmp_path: Path) -> None:
    with Server(tmp_path) as mirror:  # without the file
        download_file(
            server.url_of("a.bin?token=${SAMGAP_TEST_TOKEN}&version=2"),
            tmp_path / "w",
            mirrors={server.base_url: mirror.base_url},
        )
        assert [request["path"] for request in mirror.requests] == ["/a.bin?version=2"]
    assert list_mirror_urls("https://host/${TOKEN}/a", {"https://host/": "https://mirror/"}) == []


def test_no_message_has_the_value_when_a_server_cannot_be_reached(monkeypatch, caplog) -> None:
    monkeypatch.setattr(redaction, "_hidden_values", set())
    monkeypatch.setenv("SAMGAP_TEST_WORD", SECRET)
    factory = logging.getLogRecordFactory()
    redaction.install_log_redaction()
    url = "http://127.0.0.1:9/a.bin?x=${SAMGAP_TEST_WORD}&token=literal"
    with open_session(1, max_retries=1, backoff_s=0) as session, pytest.raises(Unavailable) as error:
        get_response(session, url, {}, None)
    logging.setLogRecordFactory(factory)
    # urllib3 logs the repeated request with its address.
    assert "/a.bin?x=(hidden)&token=(hidden)" in caplog.text
    assert str(error.value).startswith("http://127.0.0.1:9/a.bin: cannot be reached")
    assert SECRET not in caplog.text + str(error.value)


def test_a_refusal_names_the_address_without_the_value(server: Server, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SAMGAP_TEST_TOKEN", "pear-and-quince")
    with pytest.raises(Unavailable) as error:
        download_file(server.url_of("a.bin?token=${SAMGAP_TEST_TOKEN}"), tmp_path / "w")
    assert str(error.value) == f"{server.url_of('a.bin')}: the server responds 403 Forbidden: this run has no access"
