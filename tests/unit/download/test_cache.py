"""The shared folder of downloads: fetched once, whoever asks, and whole whatever is killed."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from samgap.download import cache as module
from samgap.download import resumable
from samgap.download.cache import DownloadSettings, fetch_cached, link_cached, read_settings
from samgap.errors import UserError
from samgap.jobs.code_hash import PACKAGE_DIR
from tests.helpers.server import BLOCK_BYTES, ProcessKiller, Server

DATA = random.Random(7).randbytes(1_500_000)
SUMS = {"sha256": hashlib.sha256(DATA).hexdigest(), "md5": hashlib.md5(DATA).hexdigest(), "size": len(DATA)}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resumable, "BACKOFF_S", 0.001)
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.bin").write_bytes(DATA)
    with Server(tmp_path / "served") as running:
        yield running


@pytest.fixture
def how(tmp_path: Path) -> DownloadSettings:
    return DownloadSettings(tmp_path / "cache")


def entry(how: DownloadSettings) -> Path:
    (found,) = how.cache.glob("*-a.bin")
    return found


def test_two_runs_fetch_once_and_link(server: Server, how: DownloadSettings, tmp_path: Path) -> None:
    for run in ("one", "two"):
        found = fetch_cached(server.url_of("a.bin"), tmp_path / run / "weights.pt", how, **SUMS)
        assert found == {"source": server.url_of("a.bin"), **SUMS, "checked": "agrees with the size, sha256, md5"}
        assert (tmp_path / run / "weights.pt").resolve() == entry(how)
        assert (tmp_path / run / "weights.pt").read_bytes() == DATA
    assert len(server.requests) == 1


def test_a_link_inside_the_run_moves_with_it(server: Server, tmp_path: Path, monkeypatch) -> None:
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.chdir(run)
    fetch_cached(server.url_of("a.bin"), "resources/weights.pt", DownloadSettings())
    run.rename(tmp_path / "moved")
    assert (tmp_path / "moved" / "resources" / "weights.pt").read_bytes() == DATA


def test_what_is_damaged_is_fetched_again(server: Server, how: DownloadSettings, tmp_path: Path) -> None:
    fetch_cached(server.url_of("a.bin"), tmp_path / "a", how)
    entry(how).write_bytes(DATA[:-1] + b"x")
    assert link_cached(server.url_of("a.bin"), tmp_path / "a", how) is None
    fetch_cached(server.url_of("a.bin"), tmp_path / "a", how)
    assert (tmp_path / "a").read_bytes() == DATA
    assert len(server.requests) == 2


def test_a_file_whose_receipt_was_never_written_needs_a_checksum(
    server: Server, how: DownloadSettings, tmp_path: Path
) -> None:
    fetch_cached(server.url_of("a.bin"), tmp_path / "a", how)
    entry(how).with_name(entry(how).name + ".json").unlink()
    assert link_cached(server.url_of("a.bin"), tmp_path / "a", how) is None
    assert link_cached(server.url_of("a.bin"), tmp_path / "a", how, sha256=SUMS["sha256"]) is not None


def test_another_checksum_fetches_again_and_then_stops(server: Server, how: DownloadSettings, tmp_path: Path) -> None:
    fetch_cached(server.url_of("a.bin"), tmp_path / "a", how)
    with pytest.raises(UserError, match="as configured"):
        fetch_cached(server.url_of("a.bin"), tmp_path / "b", how, sha256="0" * 64)
    assert not (tmp_path / "b").exists()
    assert (tmp_path / "a").read_bytes() == DATA  # the first run keeps what it has
    # Second-hand, it is a warning, and no reason to fetch.
    server.requests.clear()
    found = fetch_cached(server.url_of("a.bin"), tmp_path / "b", how, sha256="0" * 64, second_hand=True)
    assert found["checked"].startswith("differs from the second-hand sha256")
    assert server.requests == []


def test_a_local_file_is_copied(how: DownloadSettings, tmp_path: Path) -> None:
    (tmp_path / "own.bin").write_bytes(DATA)
    fetch_cached(str(tmp_path / "own.bin"), tmp_path / "a", how)
    assert not (tmp_path / "a").is_symlink()
    assert not how.cache.exists()


def test_those_who_come_at_the_same_time_wait(
    server: Server, how: DownloadSettings, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(module, "LOG_INTERVAL_SECONDS", 0.05)
    found: list[dict] = []

    def ask(number: int) -> None:
        found.append(fetch_cached(server.url_of("a.bin"), tmp_path / str(number), how))

    ways = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for way in ways:
        way.start()
    for way in ways:
        way.join()
    assert len(found) == 4
    assert len(server.requests) == 1
    assert all((tmp_path / str(n)).read_bytes() == DATA for n in range(4))


def test_files_bear_the_folders_permissions(server: Server, how: DownloadSettings, tmp_path: Path) -> None:
    # A group's cache: another user must be able to go on with what one user has begun.
    how.cache.mkdir()
    how.cache.chmod(0o775)
    before = os.umask(0o077)
    try:
        fetch_cached(server.url_of("a.bin"), tmp_path / "a", how)
    finally:
        mask = os.umask(before)
    assert mask == 0o077
    assert {oct(path.stat().st_mode & 0o777) for path in how.cache.iterdir()} == {"0o664"}


def test_a_cache_that_is_only_read(server: Server, how: DownloadSettings, tmp_path: Path, monkeypatch) -> None:
    fetch_cached(server.url_of("a.bin"), tmp_path / "a", how)
    access = os.access
    monkeypatch.setattr(module.os, "access", lambda path, mode: path != how.cache and access(path, mode))
    fetch_cached(server.url_of("a.bin"), tmp_path / "b", how)
    assert (tmp_path / "b").read_bytes() == DATA
    with pytest.raises(UserError, match="not writable, and .* is not in it"):
        fetch_cached(server.url_of("b.bin"), tmp_path / "c", how)


def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(module.CACHE_VARIABLE, raising=False)
    assert read_settings({}).cache == Path("resources/cache")
    assert read_settings({"cache": "~/x"}).cache == Path.home() / "x"
    monkeypatch.setenv(module.CACHE_VARIABLE, "/shared")
    assert read_settings({"cache": "/other", "connections": 3}) == DownloadSettings(Path("/shared"), {}, 3)


# --- killed


PROGRAM = """
import json, os, random, signal, sys
from pathlib import Path
from samgap.download import resumable
from samgap.download.cache import DownloadSettings, fetch_cached
url, cache, target, checks, connections, seed = json.loads(sys.argv[1])
resumable.BACKOFF_S, resumable.MIN_PIECE_BYTES = 0.001, 1000
if seed is not None:
    # Die at one of the steps that touch the disk, by whatever they are called.
    left = random.Random(seed).randrange(1, 25)
    def count(event, arguments):
        global left
        if event in ("open", "os.rename", "os.remove", "os.symlink", "os.chmod", "os.mkdir", "os.link"):
            if any(str(cache) in str(each) or str(target) in str(each) for each in arguments):
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
fetch_cached(url, target, DownloadSettings(Path(cache), {}, connections), **checks)
"""


def attempt(
    server: Server, how: DownloadSettings, target: Path, checks: dict, connections: int, seed: int | None = None
):
    arguments = json.dumps([server.url_of("a.bin"), str(how.cache), str(target), checks, connections, seed])
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, arguments],
        env={**os.environ, "PYTHONPATH": str(PACKAGE_DIR.parent)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def whole(how: DownloadSettings, target: Path) -> bool:
    """Is the file there, and nothing of its parts? (A temporary file of a killed process begins with a dot.)"""
    names = {path.name for path in how.cache.iterdir() if not path.name.startswith(".")}
    return target.read_bytes() == DATA and names == {f"{entry(how).name}{end}" for end in ("", ".json", ".lock")}


@pytest.mark.parametrize(("connections", "checks"), [(1, {}), (3, SUMS)], ids=["unknown", "pieces"])
def test_a_fetch_killed_at_ten_points_of_the_transfer(
    server: Server, how: DownloadSettings, tmp_path: Path, connections: int, checks: dict
) -> None:
    def kept() -> int:
        return sum(path.stat().st_size for path in how.cache.glob("*.part*") if path.suffix != ".json")

    points = sorted(random.Random(connections).sample(range(len(DATA) - connections * BLOCK_BYTES), 10))
    server.before_block = killer = ProcessKiller(points, kept)
    codes = []
    while not codes or codes[-1] != 0:
        killer.process = attempt(server, how, tmp_path / "a", checks, connections)
        codes.append(killer.process.wait(60))
        assert len(codes) <= 11
    assert codes == [-signal.SIGKILL] * 10 + [0] and not points
    assert whole(how, tmp_path / "a")
    # Each run went on with all that had come before: not a byte was sent twice.
    assert server.sent_bytes == len(DATA)


@pytest.mark.parametrize("connections", [1, 3])
def test_a_fetch_killed_at_ten_steps_of_its_bookkeeping(
    server: Server, how: DownloadSettings, tmp_path: Path, connections: int
) -> None:
    codes = [attempt(server, how, tmp_path / "a", {}, connections, seed).wait(60) for seed in range(10)]
    assert codes.count(-signal.SIGKILL) >= 4
    assert attempt(server, how, tmp_path / "a", {}, connections).wait(60) == 0
    assert whole(how, tmp_path / "a")
