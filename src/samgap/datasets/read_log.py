"""The files of a folder that a data set is made from, with their SHA-256, recorded while they are read."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.errors import UserError
from samgap.io.files import hash_checksums, sha256
from samgap.io.visible_files import walk_visible_files


class ReadLog:
    """The SHA-256 of the files that have been read, by folder and by their path in it.

    Args:
        inputs: Path -> SHA-256 of files that are hashed already.
    """

    def __init__(self, inputs: Mapping[str, str] | None = None) -> None:
        self._sha256: dict[Path, dict[str, str]] = {}
        self._inputs = inputs or {}

    def add(self, folder: Path, name: PurePosixPath, content: bytes) -> None:
        """Record a file; raise UserError if it has another content than at an earlier reading."""
        digest = hashlib.sha256(content).hexdigest()
        if self._sha256.setdefault(folder, {}).setdefault(name.as_posix(), digest) != digest:
            raise UserError(f"{folder / name}: changed while the data set was read; run again when it is complete")

    def hash_file(self, path: Path) -> str:
        """Return the SHA-256 of a file; a file of the inputs is not read again."""
        return self._inputs.get(str(path)) or sha256(path)

    def summarize(self, folder: Path) -> dict[str, Any]:
        """Return `n_files` and one `sha256` over the paths and contents of the files of a folder that were read.

        If none was recorded, as the kind of the data set reads files in another way, all visible files are hashed.
        """
        checksums = self._sha256.get(folder)
        if checksums is None:
            paths = {file.relative_to(folder).as_posix(): file for file in walk_visible_files(folder)}
            checksums = {name: sha256(file) for name, file in paths.items() if file.is_file()}
        return {"n_files": len(checksums), "sha256": hash_checksums(checksums)}


_current: ReadLog | None = None


@contextlib.contextmanager
def record_reads(inputs: Mapping[str, str] | None = None) -> Iterator[ReadLog]:
    """Yield a log of the files that `record_read` is called with in the block, in any thread.

    Args:
        inputs: Path -> SHA-256 of files that are hashed already.
    """
    global _current
    outer, _current = _current, ReadLog(inputs)
    try:
        yield _current
    finally:
        _current = outer


def record_read(folder: Path, name: PurePosixPath, content: bytes) -> None:
    """Record that a file of a folder was read.

    Args:
        folder: The folder with the data.
        name: Path of the file in it.
        content: Content of the file.
    """
    if _current is not None:
        _current.add(folder, name, content)
