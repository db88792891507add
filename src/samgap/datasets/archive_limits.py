"""Limits of what is read from an archive, because a small archive can unpack to a very large amount of data."""

from collections.abc import Callable, Generator
from pathlib import Path, PurePosixPath

from samgap.errors import UserError

MAX_ARCHIVE_GB = 100
"""Default limit of the unpacked size of an archive in GB (10^9 bytes); option `max-gb` of a data set overrides it."""
MAX_FILE_BYTES = 10**9
"""Limit of the size of one file in bytes; each file is read into memory."""
MAX_MEMBERS = 10**6
"""Limit of the number of files and folders of an archive; the list of them is kept in memory."""
ALLOWED_OVERHEAD_BYTES = 2**20
"""Bytes of a compressed tar archive, in addition to those of its files, that do not count towards `max-gb`."""
ALLOWED_MEMBER_OVERHEAD_BYTES = 4096
"""Bytes of headers and padding of each file of a compressed tar archive that do not count towards `max-gb`."""

MemberIterator = Generator[tuple[PurePosixPath, Callable[[], bytes]], None, None]
"""Path of each visible file of a source, and a function that returns its content."""


class ReadLimit:
    """Counts what is read from an archive, and raises UserError if it is more than the limit.

    Args:
        archive_path: The archive.
        max_gb: Limit of the unpacked size in GB (10^9 bytes).
    """

    def __init__(self, archive_path: Path, max_gb: float) -> None:
        self.archive_path, self.max_gb = archive_path, max_gb
        self._n_members = self._member_bytes = self._unpacked_bytes = 0

    def add_member(self, member_name: str, n_bytes: int) -> PurePosixPath:
        """Count a file of the archive by its size, whether it is read or not, and return its path.

        Raises:
            UserError: The path is outside the archive, or the archive has too many files or is too large.
        """
        path = PurePosixPath(member_name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
            raise UserError(
                f"{self.archive_path}: member {member_name!r} has a path outside the archive; the archive is refused"
            )
        self._n_members += 1
        self.check_number_of_members(self._n_members)
        self._member_bytes += max(n_bytes, 0)
        if self._member_bytes > self.max_gb * 1e9:
            raise UserError(
                f"{self.archive_path}: larger than {self.max_gb:g} GB when unpacked; raise `max-gb` if that is right"
            )
        return path

    def add_unpacked(self, n_bytes: int) -> None:
        """Count bytes that a decompressor returned: of files, headers and padding, whether they are used or skipped.

        Raises:
            UserError: The sum is larger than the limit.
        """
        self._unpacked_bytes += n_bytes
        overhead = ALLOWED_OVERHEAD_BYTES + ALLOWED_MEMBER_OVERHEAD_BYTES * self._n_members
        if self._unpacked_bytes > self.max_gb * 1e9 + overhead:
            raise UserError(
                f"{self.archive_path}: larger than {self.max_gb:g} GB when unpacked, with headers, padding and files "
                "that links repeat; raise `max-gb` if that is right, or unpack the archive and name its folder"
            )

    def check_number_of_members(self, n_members: int) -> None:
        """Raise UserError if an archive has too many files and folders."""
        if n_members > MAX_MEMBERS:
            raise UserError(
                f"{self.archive_path}: more than {MAX_MEMBERS} files; unpack the archive and name its folder"
            )


def check_file_size(source: Path, path: PurePosixPath, n_bytes: int) -> None:
    """Raise UserError if a file of a folder or an archive is too large to be read into memory."""
    if n_bytes > MAX_FILE_BYTES:
        raise UserError(f"{source}: {path} has {n_bytes} bytes; the limit for one file is {MAX_FILE_BYTES}")
