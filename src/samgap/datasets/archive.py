"""The files in a folder, or in a tar (compressed or not) or zip archive, read in place: nothing is unpacked to disk.

So no path, link or device of an archive can reach this machine's files; what looks as if it tried is refused all the
same. What is read is bounded: a small archive may hold a huge one.
"""

import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from samgap.errors import UserError

DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)

MAX_GB = 100
"""GB (10^9 bytes) that an archive may hold in all, unless a data set's `max-gb` says otherwise."""
MAX_FILE = 10**9
"""Bytes of one file: each is read into memory."""

Found = Iterator[tuple[PurePosixPath, bytes]]
Wanted = Callable[[PurePosixPath], bool]


def files(path: Path, wanted: Wanted, max_gb: float = MAX_GB) -> Found:
    """Yield the regular files of the folder or archive that are `wanted`, each with its path in there and its bytes.

    An archive gives them in its own order, a folder sorted. Hidden files (`._name`, which macOS packs beside each
    file) are passed over. A link is followed where it leads to a file of the archive itself. UserError where the
    archive is truncated or damaged (at the latest when its damaged file is reached), names a path or a link outside
    itself, a device, or more than `max_gb` in all; and where a wanted file is larger than MAX_FILE.
    """
    if path.is_dir():
        yield from _folder(path, wanted)
        return
    try:
        with open(path, "rb") as stream:
            zipped = stream.read(2) == b"PK"
        yield from (_zipped if zipped else _tarred)(path, wanted, _Bounds(path, max_gb))
    except DAMAGED as error:
        # Of a file that is none, tarfile tells what each way to unpack it made of it.
        why = str(error).partition(":\n")[0]
        raise UserError(
            f"{path}: truncated or damaged archive, or none ({type(error).__name__}: {why}); "
            "check what its address or path gives, and fetch it again"
        ) from error


def _plain(where: PurePosixPath) -> bool:
    return "__MACOSX" not in where.parts and not where.name.startswith(".")


def _folder(path: Path, wanted: Wanted) -> Found:
    seen: set[str] = set()
    for folder, folders, names in os.walk(path, followlinks=True):
        # The links in one's own folder are one's own; but each folder is read once, or a loop would never end.
        seen.add(os.path.realpath(folder))
        folders[:] = [name for name in sorted(folders) if os.path.realpath(os.path.join(folder, name)) not in seen]
        for name in sorted(names):
            file = Path(folder, name)
            where = PurePosixPath(file.relative_to(path.parent).as_posix())
            if _plain(where) and wanted(where):
                try:
                    _small(file, where, file.stat().st_size)
                    data = file.read_bytes()
                except OSError as error:
                    raise UserError(f"{file}: cannot be read ({error.strerror})") from error
                yield where, data


def _zipped(path: Path, wanted: Wanted, bounds: "_Bounds") -> Found:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            where = bounds.inside(member.filename, member.file_size)
            if member.is_dir() or not _plain(where) or not wanted(where):
                continue
            mode = member.external_attr >> 16
            if stat.S_ISLNK(mode):
                raise UserError(f"{path}: {where} is a link; pack the file itself")
            _small(path, where, member.file_size)
            yield where, archive.read(member)


def _tarred(path: Path, wanted: Wanted, bounds: "_Bounds") -> Found:
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            where = bounds.inside(member.name, member.size)
            if member.ischr() or member.isblk() or member.isfifo():
                raise UserError(f"{path}: {where} is a device, no file; such an archive is not read")
            link = member.issym() or member.islnk()
            if not (member.isreg() or link) or not _plain(where) or not wanted(where):
                continue
            try:
                content = archive.extractfile(member)
            except KeyError:
                content = None
            if content is None:
                raise UserError(f"{path}: {where} is a link to {member.linkname}, which is no file of the archive")
            _small(path, where, member.size)
            data = content.read(MAX_FILE + 1)
            _small(path, where, len(data))
            yield where, data


class _Bounds:
    """Holds an archive's members, as they come, against what it may hold."""

    def __init__(self, path: Path, max_gb: float) -> None:
        self.path, self.max_gb, self.total = path, max_gb, 0

    def inside(self, name: str, size: int) -> PurePosixPath:
        where = PurePosixPath(name.replace("\\", "/"))
        if where.is_absolute() or ".." in where.parts or (where.parts and where.parts[0].endswith(":")):
            raise UserError(f"{self.path}: it names {name!r}, a path outside itself; such an archive is not read")
        self.total += max(size, 0)
        if self.total > self.max_gb * 1e9:
            raise UserError(f"{self.path}: it holds more than {self.max_gb:g} GB; raise `max-gb` if that is right")
        return where


def _small(path: Path, where: PurePosixPath, size: int) -> None:
    if size > MAX_FILE:
        raise UserError(f"{path}: {where} has {size} bytes, more than the {MAX_FILE} that one file may have")
