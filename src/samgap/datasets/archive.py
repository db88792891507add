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

ARCHIVE_ERRORS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)

MAX_ARCHIVE_GB = 100
"""GB (10^9 bytes) that an archive may hold in all, unless a data set's `max-gb` says otherwise."""
MAX_FILE_BYTES = 10**9
"""Bytes of one file: each is read into memory."""

FileIterator = Iterator[tuple[PurePosixPath, bytes]]
PathFilter = Callable[[PurePosixPath], bool]


def iter_files(source: Path, path_filter: PathFilter, max_gb: float = MAX_ARCHIVE_GB) -> FileIterator:
    """Yield the regular files of the folder or archive that are `wanted`, each with its path in there and its bytes.

    An archive gives them in its own order, a folder sorted. Hidden files (`._name`, which macOS packs beside each
    file) are passed over. A link is followed where it leads to a file of the archive itself. UserError where the
    archive is truncated or damaged (at the latest when its damaged file is reached), names a path or a link outside
    itself, a device, or more than `max_gb` in all; and where a wanted file is larger than MAX_FILE.
    """
    if source.is_dir():
        yield from _iter_folder(source, path_filter)
        return
    try:
        with open(source, "rb") as stream:
            zipped = stream.read(2) == b"PK"
        yield from (_iter_zip if zipped else _iter_tar)(source, path_filter, _ArchiveGuard(source, max_gb))
    except ARCHIVE_ERRORS as error:
        # Of a file that is none, tarfile tells what each way to unpack it made of it.
        why = str(error).partition(":\n")[0]
        raise UserError(
            f"{source}: truncated or damaged archive, or none ({type(error).__name__}: {why}); "
            "check what its address or path gives, and fetch it again"
        ) from error


def _is_visible(member_path: PurePosixPath) -> bool:
    return "__MACOSX" not in member_path.parts and not member_path.name.startswith(".")


def _iter_folder(source: Path, path_filter: PathFilter) -> FileIterator:
    seen: set[str] = set()
    for folder, folders, names in os.walk(source, followlinks=True):
        # The links in one's own folder are one's own; but each folder is read once, or a loop would never end.
        seen.add(os.path.realpath(folder))
        folders[:] = [name for name in sorted(folders) if os.path.realpath(os.path.join(folder, name)) not in seen]
        for name in sorted(names):
            file = Path(folder, name)
            where = PurePosixPath(file.relative_to(source.parent).as_posix())
            if _is_visible(where) and path_filter(where):
                try:
                    _check_file_size(file, where, file.stat().st_size)
                    data = file.read_bytes()
                except OSError as error:
                    raise UserError(f"{file}: cannot be read ({error.strerror})") from error
                yield where, data


def _iter_zip(archive_path: Path, path_filter: PathFilter, guard: "_ArchiveGuard") -> FileIterator:
    with zipfile.ZipFile(archive_path) as archive:
        for member in archive.infolist():
            where = guard.validate_member(member.filename, member.file_size)
            if member.is_dir() or not _is_visible(where) or not path_filter(where):
                continue
            mode = member.external_attr >> 16
            if stat.S_ISLNK(mode):
                raise UserError(f"{archive_path}: {where} is a link; pack the file itself")
            _check_file_size(archive_path, where, member.file_size)
            yield where, archive.read(member)


def _iter_tar(archive_path: Path, path_filter: PathFilter, guard: "_ArchiveGuard") -> FileIterator:
    with tarfile.open(archive_path, "r:*") as archive:
        for member in archive:
            where = guard.validate_member(member.name, member.size)
            if member.ischr() or member.isblk() or member.isfifo():
                raise UserError(f"{archive_path}: {where} is a device, no file; such an archive is not read")
            link = member.issym() or member.islnk()
            if not (member.isreg() or link) or not _is_visible(where) or not path_filter(where):
                continue
            try:
                content = archive.extractfile(member)
            except KeyError:
                content = None
            if content is None:
                raise UserError(
                    f"{archive_path}: {where} is a link to {member.linkname}, which is no file of the archive"
                )
            _check_file_size(archive_path, where, member.size)
            data = content.read(MAX_FILE_BYTES + 1)
            _check_file_size(archive_path, where, len(data))
            yield where, data


class _ArchiveGuard:
    """Holds an archive's members, as they come, against what it may hold."""

    def __init__(self, archive_path: Path, max_gb: float) -> None:
        self.archive_path, self.max_gb, self.total_bytes = archive_path, max_gb, 0

    def validate_member(self, member_name: str, n_bytes: int) -> PurePosixPath:
        where = PurePosixPath(member_name.replace("\\", "/"))
        if where.is_absolute() or ".." in where.parts or (where.parts and where.parts[0].endswith(":")):
            raise UserError(
                f"{self.archive_path}: it names {member_name!r}, a path outside itself; such an archive is not read"
            )
        self.total_bytes += max(n_bytes, 0)
        if self.total_bytes > self.max_gb * 1e9:
            raise UserError(
                f"{self.archive_path}: it holds more than {self.max_gb:g} GB; raise `max-gb` if that is right"
            )
        return where


def _check_file_size(source: Path, member_path: PurePosixPath, n_bytes: int) -> None:
    if n_bytes > MAX_FILE_BYTES:
        raise UserError(
            f"{source}: {member_path} has {n_bytes} bytes, more than the {MAX_FILE_BYTES} that one file may have"
        )
