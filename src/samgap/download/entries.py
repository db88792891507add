"""Files of the download cache: their names, receipts and locks, and the links of runs to them.

A file is stored as `<hash of its address>-<name>`, with its receipt in `….json`: size, checksums, the result of
their comparison, and the version that the server stated. The lock `….lock` makes other processes wait while one process
changes a file. A damaged file is `….damaged`.
"""

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from samgap.download.checksums import compute_checksums, has_matching_checksums
from samgap.io.addresses import split_address
from samgap.io.files import read_json_object, replace_link
from samgap.io.progress import LOG_INTERVAL_SECONDS

DAMAGED_SUFFIX = ".damaged"
"""Ending of the name of a damaged file, which no run uses again."""

logger = logging.getLogger("samgap")


def get_entry_path(url: str, cache: Path) -> Path:
    """Return the path in the cache of the file at `url`."""
    name = split_address(url).file_name
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    return cache / (f"{key}-{name}" if name else key)


def get_receipt_path(entry: Path) -> Path:
    """Return the path of the receipt of a cached file."""
    return entry.with_name(entry.name + ".json")


def read_receipt(entry: Path) -> dict[str, Any]:
    """Return the receipt of a cached file; an empty one if there is none."""
    return read_json_object(get_receipt_path(entry))


def get_state(entry: Path) -> tuple[int, int, int] | None:
    """Return the inode, size and time of a cached file, which another download changes; None if there is no file."""
    try:
        status = entry.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def check_entry(entry: Path, requested: Mapping[str, Any], second_hand: bool) -> dict[str, Any] | None:
    """Return the checksums of a cached file, or None if it is missing, damaged, or not the expected file.

    Args:
        entry: The cached file.
        requested: The configured `size`, `sha256` and `md5`; None: unknown.
        second_hand: Whether they are second-hand; then the receipt takes precedence.
    """
    if not entry.is_file():
        return None
    configured = {key: value for key, value in requested.items() if value is not None}
    receipt = {key: value for key, value in read_receipt(entry).items() if key in requested}
    expected = {**configured, **receipt} if second_hand else {**receipt, **configured}
    if not expected or expected.get("size", entry.stat().st_size) != entry.stat().st_size:
        return None
    actual = compute_checksums(entry)
    return actual if has_matching_checksums(actual, expected) and has_matching_checksums(actual, receipt) else None


@contextlib.contextmanager
def lock_entry(entry: Path) -> Iterator[None]:
    """Hold the lock of a cached file; wait for another process that holds it."""
    mask = os.umask(0)
    os.umask(mask)
    lock = FileLock(f"{entry}.lock", mode=0o666 & ~mask)
    while True:
        try:
            lock.acquire(timeout=LOG_INTERVAL_SECONDS)
            break
        except Timeout:
            logger.info("%s: another process downloads it; waiting", entry.name)
    try:
        yield
    finally:
        lock.release()


def link_entry(entry: Path, target: Path) -> None:
    """Atomically make `target` a link to `entry`; a relative one if both are below the working directory."""
    target.parent.mkdir(parents=True, exist_ok=True)
    inside = entry.resolve().is_relative_to(Path.cwd()) and target.resolve().parent.is_relative_to(Path.cwd())
    replace_link(target, os.path.relpath(entry.resolve(), target.parent.resolve()) if inside else entry.resolve())


def remove_dead_links(resources: Path) -> list[Path]:
    """Remove the links of a run whose file in the cache was deleted or is damaged, so that the file is fetched again.

    Snakemake cannot plan with a link to nothing.

    Args:
        resources: The folder `resources` of the run.

    Returns:
        The removed links.
    """
    # Path.glob does not find a link to nothing by its whole name.
    links = [
        *resources.glob("archives/*"),
        *(folder / "weights.pt" for folder in resources.glob("checkpoints/*")),
    ]
    dead = [
        link
        for link in links
        if link.is_symlink() and (not link.exists() or os.readlink(link).endswith(DAMAGED_SUFFIX))
    ]
    for link in dead:
        link.unlink(missing_ok=True)
    return dead
