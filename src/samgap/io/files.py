"""Atomic writing of files and folders, JSON, and checksums."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from samgap.io import leftovers

CHUNK_BYTES = 1 << 20
"""Bytes read or written at a time in long copies and downloads."""


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_checksums(checksums: Mapping[str, str]) -> str:
    """Return one SHA-256 over several files, independent of their order.

    Args:
        checksums: Name of each file -> SHA-256 of its content. A name may have bytes that are not Unicode.
    """
    lines = "".join(f"{checksums[name]}  {name}\n" for name in sorted(checksums))
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`, and move that file to `path` if the block succeeds.

    Every writer has a separate temporary file, so two writers of one path cannot mix their content. A path has two
    writers when a run is resumed while jobs of the first run are still running. The file of a killed writer is removed
    by the next one in the same folder.
    """
    path = Path(path)
    with leftovers.temporary_file(path) as temporary:
        yield temporary
        temporary.chmod(0o666 & ~_get_umask())
        os.replace(temporary, path)


@contextlib.contextmanager
def atomic_directory(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder, and move it to `path` if the block succeeds; an existing folder is replaced.

    The folder of a killed writer is removed by the next one in the same folder.
    """
    path = Path(path)
    with leftovers.temporary_folder(path) as temporary:
        yield temporary
        temporary.chmod(0o777 & ~_get_umask())
        (temporary / leftovers.LOCK_NAME).unlink(missing_ok=True)
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)


def replace_link(path: str | Path, destination: str | Path) -> None:
    """Make `path` a link to `destination` atomically; an existing file or link is replaced."""
    path = Path(path)
    with leftovers.temporary_link(path, destination) as temporary:
        os.replace(temporary, path)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Return the content of a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_json_object(path: str | Path) -> dict[str, Any]:
    """Return the JSON object in a file; an empty one if the file is missing or does not contain a JSON object."""
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _get_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
