"""Iterate over the files of a tar archive, compressed by gzip, bzip2 or xz, or not compressed."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, cast

from samgap.datasets.archive_limits import MAX_FILE_BYTES, MemberIterator, ReadLimit, check_file_size
from samgap.errors import DamagedFileError, UserError
from samgap.io.visible_files import is_visible

COMPRESSIONS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
    b"]\0\0": lzma.open,
}
"""First bytes of a compressed file -> function that opens it."""
MAX_HEADER_BYTES = 2**20
"""Limit of the headers of one member: its name, its attributes and its map of holes."""
DRAIN_BYTES = 2**16
"""Bytes that are read at a time after the last member."""

Header = tuple[tarfile.TarInfo, PurePosixPath]
"""Header of a member, and its path."""


def iter_tar(archive_path: Path, limit: ReadLimit) -> MemberIterator:
    """Yield the path and a function that returns the content of each visible file; links to files are followed.

    The function must be called before the next file is requested, if at all.

    Raises:
        UserError: A member is not a file, or refers to one outside the archive; or a limit is exceeded.
        Exception: The archive is damaged; `tarfile` raises exceptions of many types.
    """
    with (
        _TarStream(archive_path, limit) as stream,
        tarfile.open(fileobj=cast(Any, stream), mode="r:", encoding="utf-8") as archive,
    ):
        headers = _iter_headers(archive, stream, limit)
        pending: deque[Header] = deque()
        while header := pending.popleft() if pending else next(headers, None):
            member, path = header
            if member.ischr() or member.isblk() or member.isfifo():
                raise UserError(f"{archive_path}: {path} is a device, not a file; the archive is refused")
            if not (member.isreg() or member.issym() or member.islnk()) or not is_visible(path):
                continue

            def read(member: tarfile.TarInfo = member, path: PurePosixPath = path) -> bytes:
                if not member.isreg():
                    # The target may come later. tarfile would read all further headers at once, without a limit.
                    pending.extend(headers)
                stream.expect_content()
                return _read_member(archive_path, archive, member, path)

            yield path, read


def _iter_headers(archive: tarfile.TarFile, stream: "_TarStream", limit: ReadLimit) -> Iterator[Header]:
    """Yield the header of each member; raise an exception if the archive does not end after the last one."""
    while True:
        stream.expect_header()
        member = archive.next()
        if member is None:
            break
        if member.size < 0:
            raise tarfile.ReadError(f"{member.name!r} has a negative size")
        path = limit.add_member(member.name, member.size)
        # tarfile keeps all headers; attributes that may be large and are not used are removed from memory.
        member.pax_headers = {}
        if member.issparse():
            # The list of pieces of a file with holes may be large or invalid. Without a name, no link can refer to it.
            member.sparse, member.name = [], ""  # type: ignore[assignment]  # wrong in the stubs
        yield member, path
    # tarfile takes an invalid header for the end of the archive.
    if stream.last_block.strip(b"\0"):
        raise tarfile.ReadError("invalid header")
    stream.drain()


def _read_member(archive_path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, path: PurePosixPath) -> bytes:
    check_file_size(archive_path, path, member.size)
    if member.issparse():
        raise UserError(f"{archive_path}: {path} is stored with holes; pack it without `--sparse`")
    try:
        content = archive.extractfile(member)
    except KeyError:
        content = None
    if content is None:
        raise UserError(f"{archive_path}: {path} is a link to {member.linkname}, which is not a file of the archive")
    n_bytes = content.seek(0, io.SEEK_END)
    check_file_size(archive_path, path, n_bytes)
    content.seek(0)
    return content.read(n_bytes)


class _TarStream:
    """The uncompressed content of an archive, for `tarfile`; what is read or skipped is counted.

    Args:
        archive_path: The archive.
        limit: Counts the decompressed bytes. (Those of an archive that is not compressed are bounded by its size.)

    Attributes:
        last_block: Bytes that the last call of `read` returned.
    """

    def __init__(self, archive_path: Path, limit: ReadLimit) -> None:
        with open(archive_path, "rb") as stream:
            first_bytes = stream.read(6)
        open_compressed = next(
            (function for magic, function in COMPRESSIONS.items() if first_bytes.startswith(magic)), None
        )
        self._is_compressed = open_compressed is not None
        self._stream: IO[bytes] = (open_compressed or io.FileIO)(archive_path)
        self._limit = limit
        self.last_block = b""
        self.expect_header()

    def __enter__(self) -> "_TarStream":
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stream.close()

    def expect_header(self) -> None:
        """Limit the following reads together to the size of the headers of one member."""
        self._bytes_left = MAX_HEADER_BYTES

    def expect_content(self) -> None:
        """Limit the following reads together to the size of the content of one file."""
        self._bytes_left = MAX_FILE_BYTES

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; raise DamagedFileError if that is more than is expected."""
        if not 0 <= size <= self._bytes_left:
            raise DamagedFileError(
                f"{self._limit.archive_path}: damaged archive: the header of a file has more than "
                f"{MAX_HEADER_BYTES} bytes; check its path or URL, or pack it again",
                self._limit.archive_path,
            )
        self.last_block = self._stream.read(size)
        self._bytes_left -= len(self.last_block)
        self._count(len(self.last_block))
        return self.last_block

    def seek(self, offset: int) -> int:
        """Move to an offset from the start; a compressed archive is decompressed up to there, if necessary anew."""
        position = self.tell()
        if offset != position:
            self._count(offset - position if offset > position else offset)
            self._stream.seek(offset)
        return offset

    def tell(self) -> int:
        """Return the position in the uncompressed content, in bytes."""
        return self._stream.tell()

    def seekable(self) -> bool:
        """Return True."""
        return True

    def drain(self) -> None:
        """Read to the end of a compressed archive, where its checksum is verified."""
        while self._is_compressed and (block := self._stream.read(DRAIN_BYTES)):
            self._count(len(block))

    def _count(self, n_bytes: int) -> None:
        if self._is_compressed:
            self._limit.add_unpacked(n_bytes)
