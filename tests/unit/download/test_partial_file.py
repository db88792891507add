"""The files in which received bytes are stored until the next run."""

from pathlib import Path

import pytest

from samgap.download import resumable
from samgap.download.errors import Unavailable
from samgap.download.fetch import download_file
from samgap.errors import UserError
from tests.helpers.downloads import DATA, compute_checksums, is_only_file
from tests.helpers.server import Server


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
