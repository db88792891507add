"""The files in a tar (compressed or not) or zip archive, read in place: nothing is unpacked to disk."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from samgap.errors import UserError

DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)


def files(path: Path, wanted: Callable[[PurePosixPath], bool]) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield the regular files of the archive that are `wanted`, in its own order, each with its bytes.

    Links and hidden files (`._name`, which macOS packs beside each file) are passed over. A truncated or
    damaged archive raises UserError, at the latest when its damaged file is reached.
    """
    try:
        with open(path, "rb") as stream:
            zipped = stream.read(2) == b"PK"
        yield from (_zipped if zipped else _tarred)(path, lambda where: _plain(where) and wanted(where))
    except DAMAGED as error:
        raise UserError(
            f"{path}: truncated or damaged archive ({type(error).__name__}: {error}); delete it and fetch it again"
        ) from error


def _plain(where: PurePosixPath) -> bool:
    return "__MACOSX" not in where.parts and not where.name.startswith(".")


def _zipped(path: Path, wanted: Callable[[PurePosixPath], bool]) -> Iterator[tuple[PurePosixPath, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            where = PurePosixPath(member.filename)
            if not member.is_dir() and wanted(where):
                yield where, archive.read(member)


def _tarred(path: Path, wanted: Callable[[PurePosixPath], bool]) -> Iterator[tuple[PurePosixPath, bytes]]:
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            where = PurePosixPath(member.name)
            if member.isreg() and wanted(where):
                content = archive.extractfile(member)
                assert content is not None
                yield where, content.read()
