"""Iterate over the files of a folder, a tar archive (compressed or not) or a zip archive without unpacking to disk.

Nothing is written, so no path, link or device in an archive can overwrite other files; suspicious members are refused
nevertheless. The amount of data is limited, because a small archive can unpack to a very large amount.
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
"""Exceptions that tarfile and zipfile raise for a damaged archive."""

MAX_ARCHIVE_GB = 100
"""Default limit of the unpacked size of an archive in GB (10^9 bytes); option `max-gb` of a data set overrides it."""
MAX_FILE_BYTES = 10**9
"""Limit of the size of one file in bytes; each file is read into memory."""

FileIterator = Iterator[tuple[PurePosixPath, bytes]]
PathFilter = Callable[[PurePosixPath], bool]


def iter_files(source: Path, path_filter: PathFilter, max_gb: float = MAX_ARCHIVE_GB) -> FileIterator:
    """Yield the path and the content of each regular file that `path_filter` selects.

    Files of an archive come in the order of the archive, files of a folder in sorted order. Hidden files, including
    the `._name` files of macOS, are skipped. A link is followed only to another file of the same archive.

    Args:
        source: Folder or archive.
        path_filter: Called once for each visible file with its path in the source; returns whether to read the file.
        max_gb: Limit of the unpacked size of an archive, in GB.

    Raises:
        UserError: The archive is damaged (raised no later than at the damaged file), has a member with a path or a link
            outside the archive or a device, or is larger than `max_gb`; or a selected file is larger than
            `MAX_FILE_BYTES`.
    """
    if source.is_dir():
        yield from _iter_folder(source, path_filter)
        return
    try:
        with open(source, "rb") as stream:
            is_zip = stream.read(2) == b"PK"
        yield from (_iter_zip if is_zip else _iter_tar)(source, path_filter, _ArchiveGuard(source, max_gb))
    except ARCHIVE_ERRORS as error:
        # For a file that is not an archive, tarfile lists the error of every compression after the first line.
        reason = str(error).partition(":\n")[0]
        raise UserError(
            f"{source}: truncated or damaged archive, or not an archive ({type(error).__name__}: {reason}); "
            "check its path or URL, and download it again"
        ) from error


def _is_visible(member_path: PurePosixPath) -> bool:
    return "__MACOSX" not in member_path.parts and not member_path.name.startswith(".")


def _iter_folder(source: Path, path_filter: PathFilter) -> FileIterator:
    visited: set[str] = set()
    for folder, subfolders, names in os.walk(source, followlinks=True):
        # Links in the user's folder are followed, but each folder only once: a loop of links would never end.
        visited.add(os.path.realpath(folder))
        subfolders[:] = [
            name for name in sorted(subfolders) if os.path.realpath(os.path.join(folder, name)) not in visited
        ]
        for name in sorted(names):
            file = Path(folder, name)
            path = PurePosixPath(file.relative_to(source.parent).as_posix())
            if _is_visible(path) and path_filter(path):
                try:
                    _check_file_size(file, path, file.stat().st_size)
                    content = file.read_bytes()
                except OSError as error:
                    raise UserError(f"{file}: cannot be read ({error.strerror})") from error
                yield path, content


def _iter_zip(archive_path: Path, path_filter: PathFilter, guard: "_ArchiveGuard") -> FileIterator:
    with zipfile.ZipFile(archive_path) as archive:
        for member in archive.infolist():
            path = guard.validate_member(member.filename, member.file_size)
            if member.is_dir() or not _is_visible(path) or not path_filter(path):
                continue
            mode = member.external_attr >> 16
            if stat.S_ISLNK(mode):
                raise UserError(f"{archive_path}: {path} is a link; pack the file itself")
            _check_file_size(archive_path, path, member.file_size)
            yield path, archive.read(member)


def _iter_tar(archive_path: Path, path_filter: PathFilter, guard: "_ArchiveGuard") -> FileIterator:
    with tarfile.open(archive_path, "r:*", encoding="utf-8") as archive:
        for member in archive:
            path = guard.validate_member(member.name, member.size)
            if member.ischr() or member.isblk() or member.isfifo():
                raise UserError(f"{archive_path}: {path} is a device, not a file; the archive is refused")
            is_link = member.issym() or member.islnk()
            if not (member.isreg() or is_link) or not _is_visible(path) or not path_filter(path):
                continue
            try:
                stream = archive.extractfile(member)
            except KeyError:
                stream = None
            if stream is None:
                raise UserError(
                    f"{archive_path}: {path} is a link to {member.linkname}, which is not a file of the archive"
                )
            _check_file_size(archive_path, path, member.size)
            content = stream.read(MAX_FILE_BYTES + 1)
            _check_file_size(archive_path, path, len(content))
            yield path, content


class _ArchiveGuard:
    """Checks the path of each member and the total size of an archive while its members are read."""

    def __init__(self, archive_path: Path, max_gb: float) -> None:
        self.archive_path, self.max_gb, self.total_bytes = archive_path, max_gb, 0

    def validate_member(self, member_name: str, n_bytes: int) -> PurePosixPath:
        """Return the path of a member; raise UserError if it is outside the archive or the archive is too large."""
        path = PurePosixPath(member_name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
            raise UserError(
                f"{self.archive_path}: member {member_name!r} has a path outside the archive; the archive is refused"
            )
        self.total_bytes += max(n_bytes, 0)
        if self.total_bytes > self.max_gb * 1e9:
            raise UserError(
                f"{self.archive_path}: larger than {self.max_gb:g} GB when unpacked; raise `max-gb` if that is right"
            )
        return path


def _check_file_size(source: Path, member_path: PurePosixPath, n_bytes: int) -> None:
    if n_bytes > MAX_FILE_BYTES:
        raise UserError(f"{source}: {member_path} has {n_bytes} bytes; the limit for one file is {MAX_FILE_BYTES}")
