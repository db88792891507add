"""Iterate over the files of a zip archive."""

import io
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any, cast

from samgap.datasets.archive_limits import MemberIterator, ReadLimit, check_file_size
from samgap.errors import UserError
from samgap.io.visible_files import is_visible

ZIP_SIGNATURES = (b"PK\3\4", b"PK\5\6", b"PK\7\x08")
"""First bytes of a zip archive: of a file, of the end of an empty archive, and of an archive in parts."""
DIRECTORY_ENTRY_SIGNATURE = b"PK\1\2"
"""First bytes of the entry of a file in the central directory."""
MAX_DIRECTORY_BYTES = 2**28
"""Limit of the central directory, the list of the files."""
UTF8_FLAG, ENCRYPTED_FLAG = 0x800, 0x1
"""Flags of a file: its name is declared to be UTF-8; its content is encrypted."""
COMPRESSED_READ_BYTES = 64
"""Compressed bytes that are read at a time by methods that unpack all of them at once (bzip2, LZMA)."""


def iter_zip(archive_path: Path, limit: ReadLimit) -> MemberIterator:
    """Yield the path and a function that returns the content of each visible file.

    Raises:
        UserError: A member is a link, encrypted, or has a path outside the archive; or a limit is exceeded.
        Exception: The archive is damaged; `zipfile` raises exceptions of many types.
    """
    with _ZipStream(archive_path, limit) as stream, zipfile.ZipFile(stream) as archive:
        stream.is_reading_directory = False
        for member in archive.infolist():
            path = limit.add_member(_decode_name(member), member.file_size)
            if member.is_dir() or not is_visible(path):
                continue

            def read(member: zipfile.ZipInfo = member, path: PurePosixPath = path) -> bytes:
                return _read_member(archive_path, archive, member, path)

            yield path, read


def _decode_name(member: zipfile.ZipInfo) -> str:
    """Return the name of a file; macOS, for example, writes UTF-8 without declaring it, which is read as cp437."""
    if member.flag_bits & UTF8_FLAG:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _read_member(archive_path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: PurePosixPath) -> bytes:
    if stat.S_ISLNK(member.external_attr >> 16):
        raise UserError(f"{archive_path}: {path} is a link; pack the file itself")
    if member.flag_bits & ENCRYPTED_FLAG:
        raise UserError(f"{archive_path}: {path} is encrypted; pack it without a password")
    check_file_size(archive_path, path, member.file_size)
    with cast(Any, archive.open(member)) as stream:
        if member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # Without a number of bytes, a file that declares too small a size would be unpacked as a whole.
            return stream.read(member.file_size)
        stream.MIN_READ_SIZE = 1
        return b"".join(iter(lambda: stream.read1(COMPRESSED_READ_BYTES), b""))


class _ZipStream(io.FileIO):
    """An archive, for `zipfile`, of which a central directory of limited size is read.

    Attributes:
        is_reading_directory: Whether each read is checked; `zipfile` reads the central directory when it is created.
    """

    def __init__(self, archive_path: Path, limit: ReadLimit) -> None:
        super().__init__(archive_path, "rb")
        self._archive_path, self._limit = archive_path, limit
        self.is_reading_directory = True

    def read(self, size: int | None = -1) -> bytes:
        """Return up to `size` bytes; raise UserError for a central directory that is too large."""
        if not self.is_reading_directory:
            return super().read(size)
        n_bytes = max(self._archive_path.stat().st_size - self.tell(), 0)
        if size is not None and size >= 0:
            n_bytes = min(size, n_bytes)
        if n_bytes > MAX_DIRECTORY_BYTES:
            raise UserError(
                f"{self._archive_path}: the list of its files has {n_bytes} bytes; "
                "unpack the archive and name its folder"
            )
        block = super().read(n_bytes)
        self._limit.check_number_of_members(block.count(DIRECTORY_ENTRY_SIGNATURE))
        return block
