"""Downloads that are cut or reset, and downloads over several connections."""

from pathlib import Path

import pytest

from samgap.download import resumable
from samgap.download.fetch import download_file
from samgap.errors import UserError
from tests.helpers.downloads import DATA, compute_checksums, is_only_file
from tests.helpers.server import Server


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


def test_without_ranges_the_download_starts_again(server: Server, target: Path) -> None:
    server.accept_ranges = False
    server.cut_after_bytes = [300_000]
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    assert server.list_request_headers("Range") == [None, "bytes=300000-"]
    assert target.read_bytes() == DATA


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


def test_a_full_disk_is_an_error_before_the_download(server: Server, target: Path, monkeypatch) -> None:
    free = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(resumable.shutil, "disk_usage", lambda folder: free)
    with pytest.raises(UserError, match=r"no space left in .*; free some, or set another folder as `cache`"):
        download_file(server.url_of("a.bin"), target)
