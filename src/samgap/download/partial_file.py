"""The received part of a file: one file or several pieces on disk, and a JSON file with their version."""

import errno
import glob
import itertools
import shutil
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samgap.errors import UserError
from samgap.io.files import CHUNK_BYTES, read_json, read_json_object, write_json


class DiskFull(Exception):
    """The disk or the quota is full."""


@dataclass(frozen=True)
class Piece:
    """The bytes `offset` to `offset + size` of a file; `size` is None for the whole file, also of unknown length."""

    path: Path
    offset: int
    size: int | None


def create(part: Path, url: str, total_bytes: int | None, validators: Mapping[str, Any], n_pieces: int) -> list[Piece]:
    """Divide a file into pieces, and record them with its version in `<part>.json`.

    Args:
        part: The path of the whole partial file.
        url: The address of the file, without credentials.
        total_bytes: The length of the file; None if unknown, then it is one piece.
        validators: `etag` and `modified` of the version.
        n_pieces: The number of pieces.
    """
    if n_pieces == 1 or total_bytes is None:
        byte_ranges: list[list[int | None]] = [[0, None]]
    else:
        edges = [total_bytes * number // n_pieces for number in range(n_pieces + 1)]
        byte_ranges = [[start, end - start] for start, end in itertools.pairwise(edges)]
    write_json(_get_state_path(part), {"url": url, "total": total_bytes, "pieces": byte_ranges, **validators})
    return _build_pieces(part, byte_ranges)


def resume(part: Path, url: str) -> tuple[list[Piece], int | None, dict[str, Any]] | None:
    """Return the pieces that an earlier run left of the file at `url`, the file's length in bytes, and its version.

    None if there are none, or if they belong to another address.
    """
    try:
        state = read_json(_get_state_path(part))
        if state["url"] != url:
            return None
        validators = {"etag": state["etag"], "modified": state["modified"]}
        return _build_pieces(part, state["pieces"]), state["total"], validators
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_validators(part: Path) -> dict[str, Any]:
    """Return `etag` and `modified` of the version that was downloaded to `part`; each may be None."""
    state = read_json_object(_get_state_path(part))
    return {key: state.get(key) for key in ("etag", "modified")}


def append(piece: Piece, blocks: Iterable[bytes]) -> Generator[int, None, None]:
    """Append blocks to a piece until it is complete; yield the number of bytes of each block once it is written.

    Raises:
        DiskFull: If the disk or the quota is full.
        UserError: If another process writes the same file.
    """
    received_bytes = get_file_size(piece.path)
    with open(piece.path, "ab") as stream:
        for block in blocks:
            if piece.size is not None:
                block = block[: piece.size - received_bytes]
            try:
                stream.write(block)
                stream.flush()
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise DiskFull(error.strerror or "the disk is full") from error
                raise
            received_bytes += len(block)
            if stream.tell() != received_bytes:
                raise UserError(
                    f"{piece.path}: another process writes the same file, because the file system does not support "
                    "locks; remove the file, and run one download at a time"
                )
            yield len(block)
            if received_bytes == piece.size:
                return


def merge(part: Path, pieces: list[Piece]) -> None:
    """Concatenate the pieces in `part`."""
    with open(part, "wb") as target:
        for piece in pieces:
            with open(piece.path, "rb") as stream:
                shutil.copyfileobj(stream, target, CHUNK_BYTES)


def remove(part: Path) -> None:
    """Remove a partial file with its pieces and its recorded version."""
    for path in (part, _get_state_path(part), *part.parent.glob(f"{glob.escape(part.name)}.[0-9]*")):
        path.unlink(missing_ok=True)


def get_file_size(path: Path) -> int:
    """Return the size of a file in bytes; 0 if it does not exist."""
    return path.stat().st_size if path.exists() else 0


def _build_pieces(part: Path, byte_ranges: list[list[Any]]) -> list[Piece]:
    if len(byte_ranges) == 1:
        return [Piece(part, 0, None)]
    paths = [part.with_name(f"{part.name}.{number}") for number in range(len(byte_ranges))]
    return [Piece(path, first, size) for path, (first, size) in zip(paths, byte_ranges, strict=True)]


def _get_state_path(part: Path) -> Path:
    return part.with_name(part.name + ".json")
