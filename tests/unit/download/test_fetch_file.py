"""Downloads from a server that cuts connections, refuses requests and changes its files."""

import hashlib
import logging
from pathlib import Path

import pytest

from samgap.download import http, resumable
from samgap.download.fetch import download_file
from samgap.download.http import Unavailable
from samgap.errors import UserError
from tests.helpers.server import Server

DATA = bytes(range(256)) * 4000


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resumable, "BACKOFF_S", 0.001)
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.bin").write_bytes(DATA)
    with Server(folder) as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out" / "a.bin"


def compute_checksums(data: bytes) -> dict:
    return {"sha256": hashlib.sha256(data).hexdigest(), "md5": hashlib.md5(data).hexdigest(), "size": len(data)}


def is_only_file(target: Path) -> bool:
    """Return whether no partial and no temporary file is left in the target's folder."""
    return sorted(target.parent.iterdir()) == [target]


def test_a_file_is_downloaded_and_verified(server: Server, target: Path) -> None:
    result = download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    checked = "agrees with the size, sha256, md5"
    assert result == {"source": server.url_of("a.bin"), **compute_checksums(DATA), "checked": checked}
    assert target.read_bytes() == DATA
    assert is_only_file(target)


def test_a_cut_download_is_resumed(server: Server, target: Path) -> None:
    server.cut_after_bytes = [300_000, 200_000]
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert target.read_bytes() == DATA
    assert server.list_request_headers("Range") == [None, "bytes=300000-", "bytes=500000-"]
    assert server.list_request_headers("If-Range")[1] == f'"{compute_checksums(DATA)["sha256"]}"'


def test_frequent_resets_do_not_lose_received_bytes(server: Server, target: Path) -> None:
    # Fewer bytes arrive before each reset than are read at once; they must not be lost.
    server.reset_on_cut, server.cut_after_bytes = True, [100_000] * (len(DATA) // 100_000)
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert target.read_bytes() == DATA
    assert len(server.requests) > resumable.MAX_RETRIES + 2


def test_the_next_run_resumes_the_partial_file(server: Server, target: Path) -> None:
    server.cut_after_bytes = [300_000] + [0] * (resumable.MAX_RETRIES + 1)
    with pytest.raises(Unavailable, match=r"cut .* at 300000 bytes"):
        download_file(server.url_of("a.bin"), target)
    assert not target.exists()
    assert target.with_name("a.bin.part").read_bytes() == DATA[:300_000]
    server.requests.clear()
    server.cut_after_bytes = []
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert server.list_request_headers("Range") == ["bytes=300000-"]
    assert target.read_bytes() == DATA
    assert is_only_file(target)


def test_without_ranges_the_download_starts_again(server: Server, target: Path) -> None:
    server.accept_ranges = False
    server.cut_after_bytes = [300_000]
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert server.list_request_headers("Range") == [None, "bytes=300000-"]
    assert target.read_bytes() == DATA


def test_without_versions_a_download_is_not_resumed(server: Server, target: Path) -> None:
    server.send_etag = False
    server.cut_after_bytes = [300_000]
    download_file(server.url_of("a.bin"), target)
    assert server.list_request_headers("Range") == [None, None]
    assert target.read_bytes() == DATA


@pytest.mark.parametrize("if_range", [True, False])
def test_versions_are_not_mixed_when_the_file_changes(
    server: Server, target: Path, if_range: bool, monkeypatch
) -> None:
    server.cut_after_bytes = [300_000] + [0] * (resumable.MAX_RETRIES + 1)
    with pytest.raises(Unavailable):
        download_file(server.url_of("a.bin"), target)
    changed = DATA[::-1]
    (server.folder / "a.bin").write_bytes(changed)
    server.cut_after_bytes = []
    if not if_range:  # a server that sends the range of its current version
        get = http.requests.Session.get

        def get_without_if_range(self, url, headers, **more):
            return get(self, url, headers={key: headers[key] for key in headers if key != "If-Range"}, **more)

        monkeypatch.setattr(http.requests.Session, "get", get_without_if_range)
    download_file(server.url_of("a.bin"), target)
    assert target.read_bytes() == changed


@pytest.mark.parametrize("extra", [b"", b"more"])
def test_a_partial_file_as_long_as_the_file_or_longer(server: Server, target: Path, extra: bytes) -> None:
    server.cut_after_bytes = [300_000] + [0] * (resumable.MAX_RETRIES + 1)
    with pytest.raises(Unavailable):
        download_file(server.url_of("a.bin"), target)
    target.with_name("a.bin.part").write_bytes(DATA + extra)
    server.requests.clear()
    server.cut_after_bytes = []
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert target.read_bytes() == DATA
    assert len(server.requests) == (1 if extra else 0)


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


# --- several connections


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable, "MIN_PIECE_BYTES", 1000)


def test_pieces_are_downloaded_over_several_connections(server: Server, target: Path, small_pieces) -> None:
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA), connections=3)
    third = len(DATA) // 3
    assert sorted(map(str, server.list_request_headers("Range"))) == [
        "bytes=0-",
        f"bytes={third}-{2 * third - 1}",
        f"bytes={2 * third}-{len(DATA) - 1}",
    ]
    assert target.read_bytes() == DATA
    assert is_only_file(target)


def test_pieces_are_resumed_after_cuts_and_in_the_next_run(server: Server, target: Path, small_pieces) -> None:
    server.cut_after_bytes = [50_000, 60_000, 70_000] + [0] * 3 * (resumable.MAX_RETRIES + 1)
    with pytest.raises(Unavailable, match="cut"):
        download_file(server.url_of("a.bin"), target, connections=3)
    assert not target.exists()
    received_bytes = sum(path.stat().st_size for path in target.parent.glob("a.bin.part.[0-9]"))
    assert received_bytes >= 50_000
    server.cut_after_bytes, server.sent_bytes = [], 0
    # The number of pieces of the partial file does not depend on the new number of `connections`.
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA), connections=1)
    assert server.sent_bytes == len(DATA) - received_bytes
    assert target.read_bytes() == DATA
    assert is_only_file(target)


@pytest.mark.parametrize("etag", [True, False])
def test_without_ranges_or_versions_a_file_is_one_piece(server: Server, target: Path, etag: bool, small_pieces) -> None:
    server.accept_ranges, server.send_etag = not etag, etag
    download_file(server.url_of("a.bin"), target, connections=3)
    assert server.list_request_headers("Range") == ["bytes=0-"]
    assert target.read_bytes() == DATA


def test_a_file_that_changes_between_pieces_is_downloaded_again(server: Server, target: Path, small_pieces) -> None:
    changed = DATA[::-1]

    def change(sent_bytes: int) -> None:
        if sent_bytes == 0:
            (server.folder / "a.bin").write_bytes(changed)

    server.before_block = change
    download_file(server.url_of("a.bin"), target, connections=3)
    assert target.read_bytes() in (DATA, changed)


@pytest.mark.parametrize("connections", [1, 3])
def test_an_empty_file(server: Server, target: Path, connections: int) -> None:
    (server.folder / "a.bin").write_bytes(b"")
    assert download_file(server.url_of("a.bin"), target, **compute_checksums(b""), connections=connections)["size"] == 0
    assert target.read_bytes() == b""
    assert is_only_file(target)


# --- partial files that cannot be used


def leave_partial_file(server: Server, target: Path, length: int) -> Path:
    """Interrupt a download after `length` bytes, and return the partial file."""
    server.cut_after_bytes = [length] + [0] * (resumable.MAX_RETRIES + 1)
    with pytest.raises(Unavailable):
        download_file(server.url_of("a.bin"), target)
    server.cut_after_bytes, server.requests = [], []
    return target.with_name("a.bin.part")


@pytest.mark.parametrize("second_hand", [True, False])
def test_a_damaged_partial_file_is_downloaded_again(server: Server, target: Path, second_hand: bool, caplog) -> None:
    part = leave_partial_file(server, target, 300_000)
    part.write_bytes(b"x" * 300_000)
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA), second_hand=second_hand)
    assert target.read_bytes() == DATA
    assert server.list_request_headers("Range") == ["bytes=300000-", None]
    assert "second-hand" not in caplog.text


def test_with_a_checksum_a_download_is_resumed_without_versions(server: Server, target: Path) -> None:
    server.send_etag = False
    server.cut_after_bytes = [300_000]
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert server.list_request_headers("Range") == [None, "bytes=300000-"]
    assert target.read_bytes() == DATA


def test_two_writers_of_one_partial_file_are_an_error(server: Server, target: Path) -> None:
    # This happens on a file system without working locks.
    part = target.with_name("a.bin.part")

    def append_to_part(sent_bytes: int) -> None:
        if sent_bytes > 500_000:
            with open(part, "ab") as stream:
                stream.write(b"other")

    server.before_block = append_to_part
    with pytest.raises(UserError, match="another process writes the same file"):
        download_file(server.url_of("a.bin"), target)
    assert not target.exists()


def test_a_full_disk_is_an_error_before_the_download(server: Server, target: Path, monkeypatch) -> None:
    free = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(resumable.shutil, "disk_usage", lambda folder: free)
    with pytest.raises(UserError, match=r"no space left in .*; free some, or set another folder as `cache`"):
        download_file(server.url_of("a.bin"), target)


# --- mirrors


def test_a_mirror_is_tried_first_and_the_recorded_source_is_the_published_address(server: Server, target: Path) -> None:
    url = "http://nobody.invalid/pub/a.bin"
    mirrors = {"http://nobody.invalid/": server.url_of("wrong/"), "http://nobody.invalid/pub/": server.url_of("")}
    result = download_file(url, target, **compute_checksums(DATA), mirrors=mirrors)
    assert result["source"] == url
    assert [request["path"] for request in server.requests] == ["/a.bin"]  # the longest prefix


def test_a_folder_as_mirror(tmp_path: Path, target: Path) -> None:
    (tmp_path / "pub").mkdir()
    (tmp_path / "pub" / "a.bin").write_bytes(DATA)
    download_file("http://nobody.invalid/pub/a.bin", target, mirrors={"http://nobody.invalid": str(tmp_path)})
    assert target.read_bytes() == DATA


def test_without_the_file_at_the_mirror_its_own_server_is_used(server: Server, target: Path, caplog) -> None:
    mirrors = {server.url_of(""): server.url_of("absent/")}
    assert download_file(server.url_of("a.bin"), target, mirrors=mirrors)["sha256"] == compute_checksums(DATA)["sha256"]
    assert [request["path"] for request in server.requests] == ["/absent/a.bin", "/a.bin"]
    assert "the mirror failed" in caplog.text


def test_a_different_file_at_the_mirror_is_an_error(server: Server, target: Path) -> None:
    (server.folder / "mirror").mkdir()
    (server.folder / "mirror" / "a.bin").write_bytes(DATA[::-1])
    with pytest.raises(UserError, match="as configured"):
        download_file(
            server.url_of("a.bin"),
            target,
            **compute_checksums(DATA),
            mirrors={server.url_of(""): server.url_of("mirror/")},
        )
    assert not target.exists()


def test_credentials_of_an_address_are_not_in_messages(server: Server, target: Path) -> None:
    url = server.url_of("a.bin").replace("://", "://user:secret@")
    assert download_file(url, target)["source"] == server.url_of("a.bin")
    server.next_statuses = [403]
    with pytest.raises(Unavailable) as error:
        download_file(url, target)
    assert "secret" not in str(error.value)


def test_a_server_that_cannot_be_reached(target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable, "BACKOFF_S", 0.001)
    with Server(tmp_path) as server:
        url = server.url_of("a.bin")
    with pytest.raises(Unavailable, match="cannot be reached"):
        download_file(url, target)


@pytest.mark.parametrize(("key", "wrong"), [("sha256", "0" * 64), ("md5", "0" * 32), ("size", 7)])
def test_a_wrong_checksum_keeps_the_old_target(server: Server, target: Path, key: str, wrong: str | int) -> None:
    target.parent.mkdir()
    target.write_bytes(b"before")
    with pytest.raises(UserError, match=f"{wrong} as configured") as error:
        download_file(server.url_of("a.bin"), target, **{key: wrong})
    assert not isinstance(error.value, Unavailable)
    assert target.read_bytes() == b"before"
    assert is_only_file(target)


def test_a_wrong_second_hand_checksum_is_a_warning_with_the_actual_one(server: Server, target: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING, logger="samgap"):
        result = download_file(server.url_of("a.bin"), target, md5="0" * 32, second_hand=True)
    assert target.read_bytes() == DATA
    assert result["sha256"] == compute_checksums(DATA)["sha256"]
    assert result["checked"] == f"differs from the second-hand md5 {'0' * 32}"
    assert "second-hand" in caplog.text
    assert compute_checksums(DATA)["sha256"] in caplog.text
    caplog.clear()
    result = download_file(server.url_of("a.bin"), target, md5=compute_checksums(DATA)["md5"], second_hand=True)
    assert (caplog.text, result["checked"]) == ("", "agrees with the second-hand md5")
    assert download_file(server.url_of("a.bin"), target)["checked"] == "nothing to check it against"


@pytest.mark.parametrize("form", ["path", "uri"])
def test_a_local_file_is_copied(tmp_path: Path, target: Path, form: str) -> None:
    source = tmp_path / "with space.bin"
    source.write_bytes(DATA)
    url = str(source) if form == "path" else source.as_uri()
    checked = "agrees with the size, sha256, md5"
    assert download_file(url, target, **compute_checksums(DATA), name="my file") == {
        "source": "my file",
        **compute_checksums(DATA),
        "checked": checked,
    }
    assert target.read_bytes() == DATA
    source.unlink()
    with pytest.raises(UserError, match="No such file"):
        download_file(url, target)
    assert is_only_file(target)


def test_a_misspelt_argument_is_an_error(server: Server, target: Path) -> None:
    with pytest.raises(TypeError, match="sha265"):
        download_file(server.url_of("a.bin"), target, sha265="0" * 64)


def test_the_body_is_stored_without_decompression(server: Server, target: Path) -> None:
    # Some servers declare a .gz file as gzip-encoded; it must be stored as it is.
    server.extra_headers = {"Content-Encoding": "gzip"}
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert target.read_bytes() == DATA


def test_other_schemes_are_an_error(target: Path) -> None:
    with pytest.raises(UserError, match="ftp://host/a"):
        download_file("ftp://host/a", target)
