"""The download cache: each file is downloaded once, also when several processes need it or are killed."""

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

from samgap.download import cache, entries, resumable
from samgap.download.cache import DownloadSettings, fetch_cached, link_cached, read_settings
from samgap.download.checksums import compute_checksums
from samgap.errors import UserError
from samgap.jobs.code_hash import PACKAGE_DIR
from tests.helpers.server import BLOCK_BYTES, ProcessKiller, Server

DATA = random.Random(7).randbytes(1_500_000)
CHECKSUMS = {"sha256": hashlib.sha256(DATA).hexdigest(), "md5": hashlib.md5(DATA).hexdigest(), "size": len(DATA)}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resumable, "BACKOFF_S", 0.001)
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.bin").write_bytes(DATA)
    with Server(tmp_path / "served") as running:
        yield running


def find_entry(settings: DownloadSettings) -> Path:
    (entry,) = settings.cache.glob("*-a.bin")
    return entry


def test_two_runs_share_one_download(server: Server, settings: DownloadSettings, tmp_path: Path) -> None:
    for run in ("one", "two"):
        result = fetch_cached(server.url_of("a.bin"), tmp_path / run / "weights.pt", settings, **CHECKSUMS)
        assert result == {
            "source": server.url_of("a.bin"),
            **CHECKSUMS,
            "checked": "agrees with the size, sha256, md5",
            "verified": True,
        }
        assert (tmp_path / run / "weights.pt").resolve() == find_entry(settings)
        assert (tmp_path / run / "weights.pt").read_bytes() == DATA
    assert len(server.requests) == 1


def test_a_link_into_a_cache_of_the_run_is_relative(server: Server, tmp_path: Path, monkeypatch) -> None:
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.chdir(run)
    fetch_cached(server.url_of("a.bin"), "resources/weights.pt", DownloadSettings())
    run.rename(tmp_path / "moved")
    assert (tmp_path / "moved" / "resources" / "weights.pt").read_bytes() == DATA


def test_a_damaged_file_is_downloaded_again(server: Server, settings: DownloadSettings, tmp_path: Path) -> None:
    fetch_cached(server.url_of("a.bin"), tmp_path / "a", settings)
    find_entry(settings).write_bytes(DATA[:-1] + b"x")
    assert link_cached(server.url_of("a.bin"), tmp_path / "a", settings) is None
    fetch_cached(server.url_of("a.bin"), tmp_path / "a", settings)
    assert (tmp_path / "a").read_bytes() == DATA
    assert len(server.requests) == 2


def test_a_cached_file_is_hashed_once(server: Server, settings: DownloadSettings, tmp_path: Path, monkeypatch) -> None:
    url, hashed = server.url_of("a.bin"), []

    def compute(path) -> dict:
        hashed.append(path)
        return compute_checksums(path)

    monkeypatch.setattr(entries, "compute_checksums", compute)
    fetch_cached(url, tmp_path / "one", settings)
    fetch_cached(url, tmp_path / "two", settings)
    assert len(hashed) == 1
    # A damaged one is not hashed again before it is downloaded again.
    hashed.clear()
    entry = find_entry(settings)
    entry.write_bytes(b"?" + entry.read_bytes()[1:])
    fetch_cached(url, tmp_path / "three", settings)
    assert len(hashed) == 1 and (tmp_path / "three").read_bytes() == DATA


def test_a_file_without_a_receipt_needs_a_checksum(server: Server, settings: DownloadSettings, tmp_path: Path) -> None:
    fetch_cached(server.url_of("a.bin"), tmp_path / "a", settings)
    find_entry(settings).with_name(find_entry(settings).name + ".json").unlink()
    assert link_cached(server.url_of("a.bin"), tmp_path / "a", settings) is None
    assert link_cached(server.url_of("a.bin"), tmp_path / "a", settings, sha256=CHECKSUMS["sha256"]) is not None


def test_a_different_checksum_downloads_again_and_is_an_error(
    server: Server, settings: DownloadSettings, tmp_path: Path
) -> None:
    fetch_cached(server.url_of("a.bin"), tmp_path / "a", settings)
    with pytest.raises(UserError, match="as configured"):
        fetch_cached(server.url_of("a.bin"), tmp_path / "b", settings, sha256="0" * 64)
    assert not (tmp_path / "b").exists()
    assert (tmp_path / "a").read_bytes() == DATA  # the file of the first run stays
    # If it is second-hand, it is only a warning, and nothing is downloaded: the server says that the file is the same.
    server.sent_bytes = 0
    result = fetch_cached(server.url_of("a.bin"), tmp_path / "b", settings, sha256="0" * 64, second_hand=True)
    assert result["checked"].startswith("differs from the second-hand sha256")
    assert server.sent_bytes == 0


def test_a_local_file_is_copied_and_not_cached(settings: DownloadSettings, tmp_path: Path) -> None:
    (tmp_path / "own.bin").write_bytes(DATA)
    fetch_cached(str(tmp_path / "own.bin"), tmp_path / "a", settings)
    assert not (tmp_path / "a").is_symlink()
    assert not settings.cache.exists()


def test_concurrent_fetches_download_once(
    server: Server, settings: DownloadSettings, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(entries, "LOG_INTERVAL_SECONDS", 0.05)
    results: list[dict] = []

    def fetch(number: int) -> None:
        results.append(fetch_cached(server.url_of("a.bin"), tmp_path / str(number), settings))

    threads = [threading.Thread(target=fetch, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert server.sent_bytes == len(DATA)
    assert all((tmp_path / str(n)).read_bytes() == DATA for n in range(4))


def test_files_get_the_permissions_of_the_folder(server: Server, settings: DownloadSettings, tmp_path: Path) -> None:
    # In the cache of a group, any member must be able to continue a download.
    settings.cache.mkdir()
    settings.cache.chmod(0o775)
    old_mask = os.umask(0o077)
    try:
        fetch_cached(server.url_of("a.bin"), tmp_path / "a", settings)
    finally:
        mask = os.umask(old_mask)
    assert mask == 0o077
    assert {oct(path.stat().st_mode & 0o777) for path in settings.cache.iterdir()} == {"0o664"}


def test_a_read_only_cache(server: Server, settings: DownloadSettings, tmp_path: Path, monkeypatch) -> None:
    fetch_cached(server.url_of("a.bin"), tmp_path / "a", settings)
    access = os.access
    monkeypatch.setattr(cache.os, "access", lambda path, mode: path != settings.cache and access(path, mode))
    fetch_cached(server.url_of("a.bin"), tmp_path / "b", settings)
    assert (tmp_path / "b").read_bytes() == DATA
    with pytest.raises(UserError, match="not writable, and .* is not in it"):
        fetch_cached(server.url_of("b.bin"), tmp_path / "c", settings)


def test_settings_of_the_environment_and_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cache.CACHE_VARIABLE, raising=False)
    assert read_settings({}).cache == Path("resources/cache")
    assert read_settings({"cache": "~/x"}).cache == Path.home() / "x"
    monkeypatch.setenv(cache.CACHE_VARIABLE, "/shared")
    assert read_settings({"cache": "/other", "connections": 3}) == DownloadSettings(Path("/shared"), {}, 3)


# --- killed processes


PROGRAM = """
import json, os, random, signal, sys
from pathlib import Path
from samgap.download import resumable
from samgap.download.cache import DownloadSettings, fetch_cached
url, cache, target, checks, connections, seed = json.loads(sys.argv[1])
resumable.BACKOFF_S, resumable.MIN_PIECE_BYTES = 0.001, 1000
if seed is not None:
    # Kill this process at one of its file operations.
    remaining = random.Random(seed).randrange(1, 25)
    def count(event, arguments):
        global remaining
        if event in ("open", "os.rename", "os.remove", "os.symlink", "os.chmod", "os.mkdir", "os.link"):
            if any(str(cache) in str(item) or str(target) in str(item) for item in arguments):
                remaining -= 1
                if not remaining:
                    os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
fetch_cached(url, target, DownloadSettings(Path(cache), {}, connections), **checks)
"""


def start_fetch(
    server: Server, settings: DownloadSettings, target: Path, checks: dict, connections: int, seed: int | None = None
):
    arguments = json.dumps([server.url_of("a.bin"), str(settings.cache), str(target), checks, connections, seed])
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, arguments],
        env={**os.environ, "PYTHONPATH": str(PACKAGE_DIR.parent)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def is_complete(settings: DownloadSettings, target: Path) -> bool:
    """Return whether the cache has the file and no partial file; temporary files (`.*`) may remain."""
    names = {path.name for path in settings.cache.iterdir() if not path.name.startswith(".")}
    return target.read_bytes() == DATA and names == {
        f"{find_entry(settings).name}{end}" for end in ("", ".json", ".lock")
    }


@pytest.mark.parametrize(("connections", "checks"), [(1, {}), (3, CHECKSUMS)], ids=["unknown", "pieces"])
def test_a_fetch_that_is_killed_during_the_transfer(
    server: Server, settings: DownloadSettings, tmp_path: Path, connections: int, checks: dict
) -> None:
    def count_stored_bytes() -> int:
        return sum(path.stat().st_size for path in settings.cache.glob("*.part*") if path.suffix != ".json")

    points = sorted(random.Random(connections).sample(range(len(DATA) - connections * BLOCK_BYTES), 10))
    server.before_block = killer = ProcessKiller(points, count_stored_bytes)
    codes = []
    while not codes or codes[-1] != 0:
        killer.process = start_fetch(server, settings, tmp_path / "a", checks, connections)
        codes.append(killer.process.wait(60))
        assert len(codes) <= 11
    assert codes == [-signal.SIGKILL] * 10 + [0] and not points
    assert is_complete(settings, tmp_path / "a")
    # Each run resumed at the last received byte: no byte was sent twice.
    assert server.sent_bytes == len(DATA)


@pytest.mark.parametrize("connections", [1, 3])
def test_a_fetch_that_is_killed_at_a_file_operation(
    server: Server, settings: DownloadSettings, tmp_path: Path, connections: int
) -> None:
    codes = [start_fetch(server, settings, tmp_path / "a", {}, connections, seed).wait(60) for seed in range(10)]
    assert codes.count(-signal.SIGKILL) >= 4
    assert start_fetch(server, settings, tmp_path / "a", {}, connections).wait(60) == 0
    assert is_complete(settings, tmp_path / "a")
