"""A damaged download leaves the cache, and the message says what to do."""

import hashlib
import random
from pathlib import Path

import pytest

from samgap.download import damaged
from samgap.download.cache import DownloadSettings, fetch_cached
from samgap.download.damaged import check_fetched_file, discard_damaged
from samgap.download.entries import get_receipt_path, remove_dead_links
from samgap.errors import DamagedFileError, UserError
from samgap.io.files import sha256, write_json
from tests.helpers.server import Server

TRUNCATED, WHOLE = (random.Random(5).randbytes(size) for size in (50_000, 100_000))


@pytest.fixture
def server(tmp_path: Path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.bin").write_bytes(TRUNCATED)
    with Server(tmp_path / "served") as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "resources" / "archives" / "a"


def fetch(url: str, target: Path, **expected) -> Path:
    """Fetch a file with its receipt, and return its path in the cache."""
    result = fetch_cached(url, target, DownloadSettings(target.parents[2] / "cache"), **expected)
    write_json(f"{target}.json", result)
    return target.resolve()


def read_damaged(target: Path) -> str:
    """Return the message of a job that finds a fetched file damaged."""
    with pytest.raises(UserError) as caught, discard_damaged({target: Path(f"{target}.json")}, "fetch_archive"):
        raise DamagedFileError("truncated", target)
    return str(caught.value)


def test_a_damaged_file_is_moved_aside_and_downloaded_again(server: Server, target: Path) -> None:
    entry = fetch(server.url_of("a.bin"), target)
    damaged_file = entry.with_name(f"{entry.name}.damaged")
    assert read_damaged(target) == (
        f"truncated; it is moved to {damaged_file}; run the same command again to download it again"
    )
    assert damaged_file.read_bytes() == TRUNCATED
    assert not entry.exists() and not get_receipt_path(entry).exists()
    # A second job of the same run finds the same file and has nothing to move.
    assert target.resolve() == damaged_file
    assert read_damaged(target) == "truncated; run the same command again to download it again"
    # The next run plans the download, and gets the file that the server has then.
    assert remove_dead_links(target.parents[1]) == [target]
    (server.folder / "a.bin").write_bytes(WHOLE)
    assert fetch(server.url_of("a.bin"), target).read_bytes() == WHOLE


def test_a_file_with_a_verified_checksum_stays(server: Server, target: Path) -> None:
    entry = fetch(server.url_of("a.bin"), target, sha256=hashlib.sha256(TRUNCATED).hexdigest())
    message = read_damaged(target)
    assert "its checksum is the expected one (agrees with the sha256), so a new download would give the same" in message
    assert entry.exists()


def test_a_file_that_differs_from_its_checksum_is_moved_aside(server: Server, target: Path) -> None:
    entry = fetch(server.url_of("a.bin"), target, sha256=hashlib.sha256(TRUNCATED).hexdigest())
    entry.write_bytes(WHOLE)
    assert "moved to" in read_damaged(target)
    assert not entry.exists()


def test_a_second_hand_checksum_is_not_verified(server: Server, target: Path) -> None:
    fetch(server.url_of("a.bin"), target, sha256=hashlib.sha256(TRUNCATED).hexdigest(), second_hand=True)
    assert "moved to" in read_damaged(target)


def test_a_copy_of_a_local_file_stays(tmp_path: Path, target: Path) -> None:
    (tmp_path / "own.bin").write_bytes(TRUNCATED)
    fetch(str(tmp_path / "own.bin"), target)
    assert read_damaged(target) == (
        f"truncated; it is a copy of {tmp_path / 'own.bin'}: replace that file, and run the same command with "
        "--forcerun fetch_archive"
    )
    assert target.read_bytes() == TRUNCATED


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("training:tuned", "the training:tuned wrote it: run the same command with --forcerun train to train again"),
        ("hub:a/b/c.pt@main", "it is a copy of hub:a/b/c.pt@main in the cache of the hub's client: check the source "),
    ],
)
def test_the_advice_on_a_copy_depends_on_its_source(tmp_path: Path, target: Path, source: str, advice: str) -> None:
    (tmp_path / "own.bin").write_bytes(TRUNCATED)
    fetch(str(tmp_path / "own.bin"), target, name=source)
    assert read_damaged(target).startswith(f"truncated; {advice}")
    # A copy that was changed later is made again.
    target.write_bytes(WHOLE)
    assert read_damaged(target) == (
        f"truncated; it has changed since it was copied from {source}: run the same command with --forcerun "
        "fetch_archive"
    )


def test_a_file_in_a_cache_of_others_is_named(server: Server, target: Path, monkeypatch) -> None:
    entry = fetch(server.url_of("a.bin"), target)

    def refuse(*paths) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(damaged.os, "replace", refuse)
    message = read_damaged(target)
    assert f"(Permission denied): delete {entry} and {entry}.json, or ask their owner to" in message


def test_damage_of_another_file_is_reported_unchanged(target: Path) -> None:
    with pytest.raises(DamagedFileError, match="^truncated$"), discard_damaged({target: target}, "fetch_archive"):
        raise DamagedFileError("truncated", "data/own.zip")


def test_a_file_must_be_the_one_that_its_receipt_records(server: Server, target: Path) -> None:
    entry = fetch(server.url_of("a.bin"), target)
    check_fetched_file(target, Path(f"{target}.json"), sha256(target))
    entry.write_bytes(WHOLE)
    with pytest.raises(DamagedFileError, match=f"its sha256 is {sha256(target)}, but .* was fetched"):
        check_fetched_file(target, Path(f"{target}.json"), sha256(target))
    check_fetched_file(target, target.with_name("missing.json"), sha256(target))
