"""Downloads from a server that cuts, refuses and changes its files."""

import hashlib
import logging
from pathlib import Path

import pytest

from samgap.download import http
from samgap.download import resumable as module
from samgap.download.fetch import download_file
from samgap.download.http import Unavailable
from samgap.errors import UserError
from tests.helpers.server import Server

DATA = bytes(range(256)) * 4000


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "BACKOFF_S", 0.001)
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.bin").write_bytes(DATA)
    with Server(folder) as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out" / "a.bin"


def sums(data: bytes) -> dict:
    return {"sha256": hashlib.sha256(data).hexdigest(), "md5": hashlib.md5(data).hexdigest(), "size": len(data)}


def alone(target: Path) -> bool:
    """No part and no temporary file is left beside the target."""
    return sorted(target.parent.iterdir()) == [target]


def test_file_arrives_whole_and_checked(server: Server, target: Path) -> None:
    found = download_file(server.url_of("a.bin"), target, **sums(DATA))
    agreed = "agrees with the size, sha256, md5"
    assert found == {"source": server.url_of("a.bin"), **sums(DATA), "checked": agreed}
    assert target.read_bytes() == DATA
    assert alone(target)


def test_goes_on_after_cuts(server: Server, target: Path) -> None:
    server.cut_after_bytes = [300_000, 200_000]
    download_file(server.url_of("a.bin"), target, **sums(DATA))
    assert target.read_bytes() == DATA
    assert server.list_request_headers("Range") == [None, "bytes=300000-", "bytes=500000-"]
    assert server.list_request_headers("If-Range")[1] == f'"{sums(DATA)["sha256"]}"'


def test_a_line_that_is_reset_again_and_again_gets_there(server: Server, target: Path) -> None:
    # Less comes before each reset than is read at a time: it must be kept all the same.
    server.reset_on_cut, server.cut_after_bytes = True, [100_000] * (len(DATA) // 100_000)
    download_file(server.url_of("a.bin"), target, **sums(DATA))
    assert target.read_bytes() == DATA
    assert len(server.requests) > module.MAX_RETRIES + 2


def test_next_run_goes_on_with_the_part(server: Server, target: Path) -> None:
    server.cut_after_bytes = [300_000] + [0] * (module.MAX_RETRIES + 1)
    with pytest.raises(Unavailable, match=r"cut .* at 300000 bytes"):
        download_file(server.url_of("a.bin"), target)
    assert not target.exists()
    assert target.with_name("a.bin.part").read_bytes() == DATA[:300_000]
    server.requests.clear()
    server.cut_after_bytes = []
    download_file(server.url_of("a.bin"), target, **sums(DATA))
    assert server.list_request_headers("Range") == ["bytes=300000-"]
    assert target.read_bytes() == DATA
    assert alone(target)


def test_server_without_ranges_starts_again(server: Server, target: Path) -> None:
    server.accept_ranges = False
    server.cut_after_bytes = [300_000]
    download_file(server.url_of("a.bin"), target, **sums(DATA))
    assert server.list_request_headers("Range") == [None, "bytes=300000-"]
    assert target.read_bytes() == DATA


def test_server_without_versions_is_not_continued(server: Server, target: Path) -> None:
    server.send_etag = False
    server.cut_after_bytes = [300_000]
    download_file(server.url_of("a.bin"), target)
    assert server.list_request_headers("Range") == [None, None]
    assert target.read_bytes() == DATA


@pytest.mark.parametrize("if_range", [True, False])
def test_changed_file_is_not_spliced(server: Server, target: Path, if_range: bool, monkeypatch) -> None:
    server.cut_after_bytes = [300_000] + [0] * (module.MAX_RETRIES + 1)
    with pytest.raises(Unavailable):
        download_file(server.url_of("a.bin"), target)
    changed = DATA[::-1]
    (server.folder / "a.bin").write_bytes(changed)
    server.cut_after_bytes = []
    if not if_range:  # a server that sends the asked-for range of whatever it has now
        get = http.requests.Session.get

        def without(self, url, headers, **more):
            return get(self, url, headers={key: headers[key] for key in headers if key != "If-Range"}, **more)

        monkeypatch.setattr(http.requests.Session, "get", without)
    download_file(server.url_of("a.bin"), target)
    assert target.read_bytes() == changed


@pytest.mark.parametrize("extra", [b"", b"more"])
def test_part_as_long_as_the_file_or_longer(server: Server, target: Path, extra: bytes) -> None:
    server.cut_after_bytes = [300_000] + [0] * (module.MAX_RETRIES + 1)
    with pytest.raises(Unavailable):
        download_file(server.url_of("a.bin"), target)
    target.with_name("a.bin.part").write_bytes(DATA + extra)
    server.requests.clear()
    server.cut_after_bytes = []
    download_file(server.url_of("a.bin"), target, **sums(DATA))
    assert target.read_bytes() == DATA
    assert len(server.requests) == (1 if extra else 0)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_server_is_asked_again(server: Server, target: Path, status: int) -> None:
    server.next_statuses = [status, status]
    download_file(server.url_of("a.bin"), target, **sums(DATA))
    assert len(server.requests) == 3
    server.next_statuses = [status] * (module.MAX_RETRIES + 1)
    with pytest.raises(Unavailable, match=f"answers {status}"):
        download_file(server.url_of("a.bin"), target.with_name("b.bin"))


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusal_is_one_line_with_the_address(server: Server, target: Path, status: int) -> None:
    server.next_statuses = [status]
    with pytest.raises(Unavailable) as error:
        download_file(server.url_of("a.bin"), target)
    assert server.url_of("a.bin") in str(error.value)
    assert str(status) in str(error.value)
    assert "\n" not in str(error.value)
    assert len(server.requests) == 1
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_says_how_long_to_wait(server: Server, target: Path, status: int, monkeypatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(http.urllib3.util.retry.time, "sleep", waits.append)
    server.extra_headers = {"Retry-After": "7"}
    server.next_statuses = [status]
    download_file(server.url_of("a.bin"), target, **sums(DATA))
    assert waits == [7]


def test_a_web_page_is_no_file(server: Server, target: Path) -> None:
    # A log-in page with status 200 must not pass for weights whose checksum is not certain.
    server.extra_headers = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(Unavailable, match="a web page came in place of the file"):
        download_file(server.url_of("a.bin"), target, md5="0" * 32, second_hand=True)
    assert not target.exists()


@pytest.mark.parametrize("claim", [len(DATA) - 5, len(DATA) + 5])
def test_a_wrong_length_is_noticed(server: Server, target: Path, claim: int) -> None:
    server.claimed_length = claim
    with pytest.raises(UserError):
        download_file(server.url_of("a.bin"), target, **sums(DATA))
    assert not target.exists()
    server.claimed_length = None
    download_file(server.url_of("a.bin"), target, **sums(DATA))
    assert target.read_bytes() == DATA


def test_a_server_without_lengths(server: Server, target: Path) -> None:
    server.chunked = True
    server.cut_after_bytes = [300_000]
    download_file(server.url_of("a.bin"), target, **sums(DATA))
    assert server.list_request_headers("Range") == [None, "bytes=300000-"]
    assert target.read_bytes() == DATA


# --- several connections


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIN_PIECE_BYTES", 1000)


def test_pieces_come_over_several_connections(server: Server, target: Path, pieces) -> None:
    download_file(server.url_of("a.bin"), target, **sums(DATA), connections=3)
    third = len(DATA) // 3
    assert sorted(map(str, server.list_request_headers("Range"))) == [
        "bytes=0-",
        f"bytes={third}-{2 * third - 1}",
        f"bytes={2 * third}-{len(DATA) - 1}",
    ]
    assert target.read_bytes() == DATA
    assert alone(target)


def test_pieces_go_on_after_cuts_and_in_the_next_run(server: Server, target: Path, pieces) -> None:
    server.cut_after_bytes = [50_000, 60_000, 70_000] + [0] * 3 * (module.MAX_RETRIES + 1)
    with pytest.raises(Unavailable, match="cut"):
        download_file(server.url_of("a.bin"), target, connections=3)
    assert not target.exists()
    have = sum(path.stat().st_size for path in target.parent.glob("a.bin.part.[0-9]"))
    assert have >= 50_000
    server.cut_after_bytes, server.sent_bytes = [], 0
    # What was begun with three goes on with three, however many are asked for now.
    download_file(server.url_of("a.bin"), target, **sums(DATA), connections=1)
    assert server.sent_bytes == len(DATA) - have
    assert target.read_bytes() == DATA
    assert alone(target)


@pytest.mark.parametrize("etag", [True, False])
def test_no_pieces_where_the_server_gives_no_ranges_or_versions(
    server: Server, target: Path, etag: bool, pieces
) -> None:
    server.accept_ranges, server.send_etag = not etag, etag
    download_file(server.url_of("a.bin"), target, connections=3)
    assert server.list_request_headers("Range") == ["bytes=0-"]
    assert target.read_bytes() == DATA


def test_a_file_that_changes_between_pieces_is_fetched_anew(server: Server, target: Path, pieces) -> None:
    changed = DATA[::-1]

    def change(sent: int) -> None:
        if sent == 0:
            (server.folder / "a.bin").write_bytes(changed)

    server.before_block = change
    download_file(server.url_of("a.bin"), target, connections=3)
    assert target.read_bytes() in (DATA, changed)


@pytest.mark.parametrize("connections", [1, 3])
def test_an_empty_file(server: Server, target: Path, connections: int) -> None:
    (server.folder / "a.bin").write_bytes(b"")
    assert download_file(server.url_of("a.bin"), target, **sums(b""), connections=connections)["size"] == 0
    assert target.read_bytes() == b""
    assert alone(target)


# --- parts that cannot be trusted


def stop_at(server: Server, target: Path, length: int) -> Path:
    """Leave a part of `length` bytes behind."""
    server.cut_after_bytes = [length] + [0] * (module.MAX_RETRIES + 1)
    with pytest.raises(Unavailable):
        download_file(server.url_of("a.bin"), target)
    server.cut_after_bytes, server.requests = [], []
    return target.with_name("a.bin.part")


@pytest.mark.parametrize("second_hand", [True, False])
def test_a_damaged_part_costs_a_second_fetch_only(server: Server, target: Path, second_hand: bool, caplog) -> None:
    part = stop_at(server, target, 300_000)
    part.write_bytes(b"x" * 300_000)
    download_file(server.url_of("a.bin"), target, **sums(DATA), second_hand=second_hand)
    assert target.read_bytes() == DATA
    assert server.list_request_headers("Range") == ["bytes=300000-", None]
    assert "second-hand" not in caplog.text


def test_a_certain_checksum_lets_a_part_go_on_without_versions(server: Server, target: Path) -> None:
    server.send_etag = False
    server.cut_after_bytes = [300_000]
    download_file(server.url_of("a.bin"), target, **sums(DATA))
    assert server.list_request_headers("Range") == [None, "bytes=300000-"]
    assert target.read_bytes() == DATA


def test_two_writers_of_one_part_are_noticed(server: Server, target: Path) -> None:
    # As on a file system whose locks let everybody in.
    part = target.with_name("a.bin.part")

    def write_too(sent: int) -> None:
        if sent > 500_000:
            with open(part, "ab") as stream:
                stream.write(b"other")

    server.before_block = write_too
    with pytest.raises(UserError, match="another process writes it too"):
        download_file(server.url_of("a.bin"), target)
    assert not target.exists()


def test_a_full_disk_is_told_before_anything_comes(server: Server, target: Path, monkeypatch) -> None:
    free = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: free)
    with pytest.raises(UserError, match=r"no room in .*; make room, or name another folder: cache"):
        download_file(server.url_of("a.bin"), target)


# --- mirrors


def test_a_mirror_is_asked_first_and_the_source_stays_the_published_one(server: Server, target: Path) -> None:
    url = "http://nobody.invalid/pub/a.bin"
    mirrors = {"http://nobody.invalid/": server.url_of("wrong/"), "http://nobody.invalid/pub/": server.url_of("")}
    found = download_file(url, target, **sums(DATA), mirrors=mirrors)
    assert found["source"] == url
    assert [request["path"] for request in server.requests] == ["/a.bin"]  # the longest beginning counts


def test_a_folder_can_be_the_mirror(tmp_path: Path, target: Path) -> None:
    (tmp_path / "pub").mkdir()
    (tmp_path / "pub" / "a.bin").write_bytes(DATA)
    download_file("http://nobody.invalid/pub/a.bin", target, mirrors={"http://nobody.invalid": str(tmp_path)})
    assert target.read_bytes() == DATA


def test_where_the_mirror_has_nothing_the_source_is_asked(server: Server, target: Path, caplog) -> None:
    mirrors = {server.url_of(""): server.url_of("absent/")}
    assert download_file(server.url_of("a.bin"), target, mirrors=mirrors)["sha256"] == sums(DATA)["sha256"]
    assert [request["path"] for request in server.requests] == ["/absent/a.bin", "/a.bin"]
    assert "the mirror does not help" in caplog.text


def test_a_mirror_with_other_bytes_stops(server: Server, target: Path) -> None:
    (server.folder / "mirror").mkdir()
    (server.folder / "mirror" / "a.bin").write_bytes(DATA[::-1])
    with pytest.raises(UserError, match="as configured"):
        download_file(
            server.url_of("a.bin"), target, **sums(DATA), mirrors={server.url_of(""): server.url_of("mirror/")}
        )
    assert not target.exists()


def test_password_in_an_address_is_not_told(server: Server, target: Path) -> None:
    url = server.url_of("a.bin").replace("://", "://user:secret@")
    assert download_file(url, target)["source"] == server.url_of("a.bin")
    server.next_statuses = [403]
    with pytest.raises(Unavailable) as error:
        download_file(url, target)
    assert "secret" not in str(error.value)


def test_nobody_there(target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_S", 0.001)
    with Server(tmp_path) as server:
        url = server.url_of("a.bin")
    with pytest.raises(Unavailable, match="cannot be reached"):
        download_file(url, target)


@pytest.mark.parametrize(("key", "wrong"), [("sha256", "0" * 64), ("md5", "0" * 32), ("size", 7)])
def test_wrong_checksum_leaves_what_was_there(server: Server, target: Path, key: str, wrong: str | int) -> None:
    target.parent.mkdir()
    target.write_bytes(b"before")
    with pytest.raises(UserError, match=f"{wrong} as configured") as error:
        download_file(server.url_of("a.bin"), target, **{key: wrong})
    assert not isinstance(error.value, Unavailable)
    assert target.read_bytes() == b"before"
    assert alone(target)


def test_second_hand_checksum_warns_and_tells_what_arrived(server: Server, target: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING, logger="samgap"):
        found = download_file(server.url_of("a.bin"), target, md5="0" * 32, second_hand=True)
    assert target.read_bytes() == DATA
    assert found["sha256"] == sums(DATA)["sha256"]
    assert found["checked"] == f"differs from the second-hand md5 {'0' * 32}"
    assert "second-hand" in caplog.text
    assert sums(DATA)["sha256"] in caplog.text
    caplog.clear()
    found = download_file(server.url_of("a.bin"), target, md5=sums(DATA)["md5"], second_hand=True)
    assert (caplog.text, found["checked"]) == ("", "agrees with the second-hand md5")
    assert download_file(server.url_of("a.bin"), target)["checked"] == "nothing to check it against"


@pytest.mark.parametrize("form", ["path", "uri"])
def test_local_file(tmp_path: Path, target: Path, form: str) -> None:
    source = tmp_path / "with space.bin"
    source.write_bytes(DATA)
    url = str(source) if form == "path" else source.as_uri()
    agreed = "agrees with the size, sha256, md5"
    assert download_file(url, target, **sums(DATA), name="given") == {
        "source": "given",
        **sums(DATA),
        "checked": agreed,
    }
    assert target.read_bytes() == DATA
    source.unlink()
    with pytest.raises(UserError, match="No such file"):
        download_file(url, target)
    assert alone(target)


def test_a_misspelt_checksum_does_not_pass_for_none(server: Server, target: Path) -> None:
    with pytest.raises(TypeError, match="sha265"):
        download_file(server.url_of("a.bin"), target, sha265="0" * 64)


def test_body_is_kept_as_served(server: Server, target: Path) -> None:
    # Some servers call a .gz file gzip-encoded: it must not be unpacked on the way.
    server.extra_headers = {"Content-Encoding": "gzip"}
    download_file(server.url_of("a.bin"), target, **sums(DATA))
    assert target.read_bytes() == DATA


def test_other_schemes_are_refused(target: Path) -> None:
    with pytest.raises(UserError, match="ftp://host/a"):
        download_file("ftp://host/a", target)
