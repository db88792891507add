"""Checksums in Parquet files: every changed bit of a table is found when it is read.

The checksums of Parquet's pages cover neither the headers of pages nor the footer, which has the schema, the places of
the columns and the provenance. So a file also has two SHA-256 between its last page and its footer, a place that
readers skip: of all bytes before them, and of all bytes after them. An entry in the footer says that they are there.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from samgap.errors import DamagedResultError, UserError

MARK = b"SAMGAPv1"
"""First bytes of the block with the checksums."""
METADATA = {b"checksums": MARK}
"""The entry in the metadata of a file which says that it has such a block."""
BLOCK_BYTES = len(MARK) + 2 * hashlib.sha256().digest_size
WRITE_OPTIONS = {"compression": "zstd", "write_page_checksum": True}
"""Options with which pyarrow writes a table."""
_TAIL_BYTES = 8  # the length of the footer as four bytes, and PAR1


def add_checksums(path: str | Path) -> None:
    """Put the block of checksums into a complete Parquet file, whose metadata must have `METADATA`."""
    with open(path, "r+b") as stream:
        footer_start = _find_footer(stream)
        before, after = _hash_range(stream, 0, footer_start), _read_from(stream, footer_start)
        stream.seek(footer_start)
        stream.write(MARK + before + hashlib.sha256(after).digest() + after)


def verify_footer(path: str | Path) -> None:
    """Check the footer of a table, which has its schema, provenance and number of rows.

    A file without a block of checksums passes if its footer is readable: an older version or another program wrote it.

    Raises:
        DamagedResultError: The footer is damaged.
        UserError: The file cannot be opened.
    """
    with _open(path) as stream:
        _verify_footer(stream, path)


def verify_checksums(path: str | Path) -> None:
    """Check all bytes of a table, as `verify_footer` checks the footer.

    Raises:
        DamagedResultError: The file is damaged.
        UserError: The file cannot be opened.
    """
    with _open(path) as stream:
        recorded = _verify_footer(stream, path)
        if recorded is not None and _hash_range(stream, 0, _find_footer(stream) - BLOCK_BYTES) != recorded:
            raise DamagedResultError("its content has changed since it was written", path)


def _open(path: str | Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise UserError(f"{path}: not readable ({error.strerror})") from error


def _verify_footer(stream: BinaryIO, path: str | Path) -> bytes | None:
    """Return the recorded SHA-256 of the bytes before the block; None for a file without a block."""
    try:
        footer_start = _find_footer(stream)
    except ValueError as error:
        raise DamagedResultError(str(error), path) from error
    block = b""
    if footer_start >= BLOCK_BYTES:
        stream.seek(footer_start - BLOCK_BYTES)
        block = stream.read(BLOCK_BYTES)
    if not block.startswith(MARK):
        if _has_entry(path):
            raise DamagedResultError("its checksums are damaged", path)
        return None
    size = hashlib.sha256().digest_size
    before, after = block[len(MARK) : -size], block[-size:]
    if hashlib.sha256(_read_from(stream, footer_start)).digest() != after:
        raise DamagedResultError("its footer has changed since it was written", path)
    return before


def _has_entry(path: str | Path) -> bool:
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedResultError(" ".join(str(error).split()), path) from error
    return METADATA.items() <= metadata.items()


def _find_footer(stream: BinaryIO) -> int:
    """Return the offset of the footer.

    Raises:
        ValueError: The file is not a complete Parquet file.
    """
    size = stream.seek(0, os.SEEK_END)
    if size < _TAIL_BYTES + 4:
        raise ValueError(f"{size} bytes are no Parquet file")
    stream.seek(size - _TAIL_BYTES)
    tail = stream.read(_TAIL_BYTES)
    start = size - _TAIL_BYTES - int.from_bytes(tail[:4], "little")
    if tail[4:] != b"PAR1" or start < 4:
        raise ValueError("the end of a Parquet file is missing")
    return start


def _read_from(stream: BinaryIO, start: int) -> bytes:
    stream.seek(start)
    return stream.read()


def _hash_range(stream: BinaryIO, start: int, end: int) -> bytes:
    """Return the SHA-256 of the bytes from `start` to `end`."""
    digest = hashlib.sha256()
    stream.seek(start)
    while start < end and (part := stream.read(min(1 << 20, end - start))):
        digest.update(part)
        start += len(part)
    return digest.digest()
