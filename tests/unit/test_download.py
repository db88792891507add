"""Downloads from a server that cuts, refuses and changes its files."""

import hashlib
import logging
from pathlib import Path

import pytest

from samgap import download as module
from samgap.download import Unavailable, download
from samgap.errors import UserError
from tests.helpers.server import Server

DATA = bytes(range(256)) * 4000


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "BACKOFF", 0.001)
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
    found = download(server.url("a.bin"), target, **sums(DATA))
    assert found == {"source": server.url("a.bin"), **sums(DATA)}
    assert target.read_bytes() == DATA
    assert alone(target)


def test_goes_on_after_cuts(server: Server, target: Path) -> None:
    server.cuts = [300_000, 200_000]
    download(server.url("a.bin"), target, **sums(DATA))
    assert target.read_bytes() == DATA
    assert server.asked("Range") == [None, "bytes=300000-", "bytes=500000-"]
    assert server.asked("If-Range")[1] == f'"{sums(DATA)["sha256"]}"'


def test_next_run_goes_on_with_the_part(server: Server, target: Path) -> None:
    server.cuts = [300_000] + [0] * (module.TRIES + 1)
    with pytest.raises(Unavailable, match=r"cut .* at 300000 bytes"):
        download(server.url("a.bin"), target)
    assert not target.exists()
    assert target.with_name("a.bin.part").read_bytes() == DATA[:300_000]
    server.requests.clear()
    server.cuts = []
    download(server.url("a.bin"), target, **sums(DATA))
    assert server.asked("Range") == ["bytes=300000-"]
    assert target.read_bytes() == DATA
    assert alone(target)


def test_server_without_ranges_starts_again(server: Server, target: Path) -> None:
    server.ranges = False
    server.cuts = [300_000]
    download(server.url("a.bin"), target, **sums(DATA))
    assert server.asked("Range") == [None, "bytes=300000-"]
    assert target.read_bytes() == DATA


def test_server_without_versions_is_not_continued(server: Server, target: Path) -> None:
    server.etag = False
    server.cuts = [300_000]
    download(server.url("a.bin"), target)
    assert server.asked("Range") == [None, None]
    assert target.read_bytes() == DATA


@pytest.mark.parametrize("if_range", [True, False])
def test_changed_file_is_not_spliced(server: Server, target: Path, if_range: bool, monkeypatch) -> None:
    server.cuts = [300_000] + [0] * (module.TRIES + 1)
    with pytest.raises(Unavailable):
        download(server.url("a.bin"), target)
    changed = DATA[::-1]
    (server.folder / "a.bin").write_bytes(changed)
    server.cuts = []
    if not if_range:  # a server that sends the asked-for range of whatever it has now
        get = module.requests.Session.get

        def without(self, url, headers, **more):
            return get(self, url, headers={key: headers[key] for key in headers if key != "If-Range"}, **more)

        monkeypatch.setattr(module.requests.Session, "get", without)
    download(server.url("a.bin"), target)
    assert target.read_bytes() == changed


@pytest.mark.parametrize("extra", [b"", b"more"])
def test_part_as_long_as_the_file_or_longer(server: Server, target: Path, extra: bytes) -> None:
    server.cuts = [300_000] + [0] * (module.TRIES + 1)
    with pytest.raises(Unavailable):
        download(server.url("a.bin"), target)
    target.with_name("a.bin.part").write_bytes(DATA + extra)
    server.requests.clear()
    server.cuts = []
    download(server.url("a.bin"), target, **sums(DATA))
    assert target.read_bytes() == DATA
    assert len(server.requests) == (2 if extra else 1)  # 416: it was all there


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_server_is_asked_again(server: Server, target: Path, status: int) -> None:
    server.statuses = [status, status]
    download(server.url("a.bin"), target, **sums(DATA))
    assert len(server.requests) == 3
    server.statuses = [status] * (module.TRIES + 1)
    with pytest.raises(Unavailable, match=f"answers {status}"):
        download(server.url("a.bin"), target.with_name("b.bin"))


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusal_is_one_line_with_the_address(server: Server, target: Path, status: int) -> None:
    server.statuses = [status]
    with pytest.raises(Unavailable) as error:
        download(server.url("a.bin"), target)
    assert server.url("a.bin") in str(error.value)
    assert str(status) in str(error.value)
    assert "\n" not in str(error.value)
    assert len(server.requests) == 1
    assert list(target.parent.iterdir()) == []


def test_password_in_an_address_is_not_told(server: Server, target: Path) -> None:
    url = server.url("a.bin").replace("://", "://user:secret@")
    assert download(url, target)["source"] == server.url("a.bin")
    server.statuses = [403]
    with pytest.raises(Unavailable) as error:
        download(url, target)
    assert "secret" not in str(error.value)


def test_nobody_there(target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF", 0.001)
    with Server(tmp_path) as server:
        url = server.url("a.bin")
    with pytest.raises(Unavailable, match="cannot be reached"):
        download(url, target)


@pytest.mark.parametrize(("key", "wrong"), [("sha256", "0" * 64), ("md5", "0" * 32), ("size", 7)])
def test_wrong_checksum_leaves_what_was_there(server: Server, target: Path, key: str, wrong: str | int) -> None:
    target.parent.mkdir()
    target.write_bytes(b"before")
    with pytest.raises(UserError, match=f"{wrong} as configured") as error:
        download(server.url("a.bin"), target, **{key: wrong})
    assert not isinstance(error.value, Unavailable)
    assert target.read_bytes() == b"before"
    assert alone(target)


def test_second_hand_checksum_warns_and_tells_what_arrived(server: Server, target: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING, logger="samgap"):
        found = download(server.url("a.bin"), target, md5="0" * 32, second_hand=True)
    assert target.read_bytes() == DATA
    assert found["sha256"] == sums(DATA)["sha256"]
    assert "second-hand" in caplog.text
    assert sums(DATA)["sha256"] in caplog.text
    caplog.clear()
    download(server.url("a.bin"), target, md5=sums(DATA)["md5"], second_hand=True)
    assert caplog.text == ""


@pytest.mark.parametrize("form", ["path", "uri"])
def test_local_file(tmp_path: Path, target: Path, form: str) -> None:
    source = tmp_path / "with space.bin"
    source.write_bytes(DATA)
    url = str(source) if form == "path" else source.as_uri()
    assert download(url, target, **sums(DATA), name="given") == {"source": "given", **sums(DATA)}
    assert target.read_bytes() == DATA
    source.unlink()
    with pytest.raises(UserError, match="No such file"):
        download(url, target)
    assert alone(target)


def test_body_is_kept_as_served(server: Server, target: Path) -> None:
    # Some servers call a .gz file gzip-encoded: it must not be unpacked on the way.
    server.headers = {"Content-Encoding": "gzip"}
    download(server.url("a.bin"), target, **sums(DATA))
    assert target.read_bytes() == DATA


def test_other_schemes_are_refused(target: Path) -> None:
    with pytest.raises(UserError, match="ftp://host/a"):
        download("ftp://host/a", target)
