"""Iterate over the files of a folder, a tar archive (compressed or not) or a zip archive without unpacking to disk.

Nothing is written, so no path, link or device in an archive can overwrite other files; suspicious members are refused
nevertheless. The amount of data is limited (`samgap.datasets.archive_limits`).
"""

import contextlib
import functools
import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from samgap.datasets.archive_limits import MAX_ARCHIVE_GB, MemberIterator, ReadLimit, check_file_size
from samgap.datasets.read_log import record_read
from samgap.datasets.tar_archive import iter_tar
from samgap.datasets.zip_archive import ZIP_SIGNATURES, iter_zip
from samgap.errors import UserError, make_reading_error
from samgap.io.visible_files import walk_visible_files

FileIterator = Iterator[tuple[PurePosixPath, bytes]]
PathFilter = Callable[[PurePosixPath], bool]


def iter_files(source: Path, path_filter: PathFilter, max_gb: float = MAX_ARCHIVE_GB) -> FileIterator:
    """Yield the path and the content of each regular file that `path_filter` selects.

    Files of an archive come in the order of the archive, files of a folder in sorted order. Hidden files and those of
    operating systems are skipped (`samgap.io.visible_files`). A link is followed only to another file of the same
    archive.

    Args:
        source: Folder or archive.
        path_filter: Called once for each visible file with its path in the source; returns whether to read the file.
        max_gb: Limit of the unpacked size of an archive, in GB.

    Raises:
        DamagedFileError: The archive is damaged (raised no later than at the damaged file).
        UserError: The archive has a member with a path or a link outside the archive or a device, or is larger than
            `max_gb`; or a selected file is larger than `MAX_FILE_BYTES`, or not a regular file.
    """
    is_folder = source.is_dir()
    with contextlib.closing(_iter_members(source, max_gb)) as members:
        while True:
            with _archive_errors(source):
                member = next(members, None)
            if member is None:
                return
            path, read = member
            if path_filter(path):
                with _archive_errors(source):
                    content = read()
                if is_folder:
                    record_read(source, path.relative_to(source.name), content)
                yield path, content


@contextlib.contextmanager
def _archive_errors(source: Path) -> Iterator[None]:
    """Raise UserError instead of any other exception; tarfile and zipfile raise many types for damaged headers."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise make_reading_error(
            f"{source}: truncated or damaged archive, or not an archive ({type(error).__name__}: {error}); "
            "check its path or URL",
            source,
            error,
        ) from error


def _iter_members(source: Path, max_gb: float) -> MemberIterator:
    if source.is_dir():
        yield from _iter_folder(source)
        return
    with open(source, "rb") as stream:
        is_zip = stream.read(4) in ZIP_SIGNATURES
    yield from (iter_zip if is_zip else iter_tar)(source, ReadLimit(source, max_gb))


def _iter_folder(source: Path) -> MemberIterator:
    for file in walk_visible_files(source):
        path = PurePosixPath(file.relative_to(source.parent).as_posix())
        yield path, functools.partial(read_file, file)


def read_file(file: Path) -> bytes:
    """Return the content of a file of a folder; raise UserError if it cannot be read, is too large, or not a file."""
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe, for example, whose reading would not end
            raise UserError(f"{file}: not a regular file; remove it, or replace it by the file itself")
        check_file_size(file.parent, PurePosixPath(file.name), status.st_size)
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from error
