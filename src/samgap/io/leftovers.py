"""Names of temporary files and folders, and removal of those that a killed process left.

A name has the host and the process that write it, and the process holds a lock on it. Both are needed: a lock is not
visible to other hosts on some network file systems, and a process id is not visible to other hosts and containers.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import re
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from samgap.io.processes import is_process_alive

OTHER_HOST_AGE_S = 24 * 3600
"""Age in seconds from which on an unlocked item of another host is removed. A job adds to its items more often."""
LOCK_NAME = ".lock"
"""The lock file in a temporary folder. A temporary file is locked itself."""

_TEMPORARY_NAME = re.compile(r"\..+\.tmp-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[a-z0-9_]{8}(\.[^.]+)?")
_checked_folders: set[Path] = set()


@contextlib.contextmanager
def temporary_file(path: Path) -> Iterator[Path]:
    """Yield a new file in the folder of `path`, with its suffix; it is removed at the end unless it has been moved."""
    _prepare_folder(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_make_prefix(path), suffix=path.suffix)
    temporary = Path(name)
    try:
        _lock(handle)
        yield temporary
    finally:
        os.close(handle)
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder in the folder of `path`; it is removed at the end unless it has been moved."""
    _prepare_folder(path.parent)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=_make_prefix(path)))
    handle = os.open(temporary / LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _lock(handle)
        yield temporary
    finally:
        os.close(handle)
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def temporary_link(path: Path, destination: str | Path) -> Iterator[Path]:
    """Yield a new link to `destination` in the folder of `path`; it is removed at the end unless it has been moved."""
    _prepare_folder(path.parent)
    temporary = path.with_name(f"{_make_prefix(path)}{secrets.token_hex(4)}")
    temporary.symlink_to(destination)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders in `folder` whose process was killed.

    An item of this host is removed if its process does not exist, one of another host if it has not changed for
    `OTHER_HOST_AGE_S`; neither if it is locked.
    """
    with os.scandir(folder) as entries:
        matches = [(Path(entry.path), match) for entry in entries if (match := _TEMPORARY_NAME.fullmatch(entry.name))]
    for path, match in matches:
        with contextlib.suppress(OSError):  # another process has removed it, or it is another user's
            is_abandoned = (
                not is_process_alive(int(match["pid"]))
                if match["host"] == _hash_host()
                else time.time() - path.lstat().st_mtime > OTHER_HOST_AGE_S
            )
            if is_abandoned and not _is_locked(path):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()


def _prepare_folder(folder: Path) -> None:
    """Create a folder, and remove its leftovers once in this process."""
    folder.mkdir(parents=True, exist_ok=True)
    if (resolved := folder.resolve()) not in _checked_folders:
        _checked_folders.add(resolved)
        remove_leftovers(resolved)


def _make_prefix(path: Path) -> str:
    return f".{path.name[:100]}.tmp-{_hash_host()}-{os.getpid()}-"


@functools.cache
def _hash_host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _lock(handle: int) -> None:
    # On a file system without locks, the name alone protects the item.
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_locked(path: Path) -> bool:
    """Return whether a process holds the lock of a temporary file or folder; False on a file system without locks."""
    if path.is_symlink():
        return False
    try:
        handle = os.open(path / LOCK_NAME if path.is_dir() else path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False
