"""The file that the tests of downloads transfer, and checks of its target."""

import hashlib
from pathlib import Path

import pytest

from samgap.download import resumable
from samgap.download.errors import Unavailable
from samgap.download.fetch import download_file
from tests.helpers.server import Server

DATA = bytes(range(256)) * 4000


def compute_checksums(data: bytes) -> dict:
    return {"sha256": hashlib.sha256(data).hexdigest(), "md5": hashlib.md5(data).hexdigest(), "size": len(data)}


def is_only_file(target: Path) -> bool:
    """Return whether no partial and no temporary file is left in the target's folder."""
    return sorted(target.parent.iterdir()) == [target]


def leave_partial_file(server: Server, target: Path, length: int) -> Path:
    """Interrupt a download after `length` bytes, and return the partial file."""
    server.cut_after_bytes = [length] + [0] * (resumable.MAX_RETRIES + 1)
    with pytest.raises(Unavailable):
        download_file(server.url_of("a.bin"), target)
    server.cut_after_bytes, server.requests = [], []
    return target.with_name("a.bin.part")
