"""What has arrived of a file: one part or several pieces, and beside them a note of what they are parts of."""

import glob
import itertools
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samgap.io.files import CHUNK_BYTES, read_json, write_json


@dataclass(frozen=True)
class Piece:
    """Bytes `first` to `first + size` of the file (`size` None: all of it, however long)."""

    path: Path
    offset: int
    size: int | None


def create(part: Path, url: str, total_bytes: int | None, validators: Mapping[str, Any], n_pieces: int) -> list[Piece]:
    """Cut a file of `total` bytes into `number` pieces, and note it beside them."""
    if n_pieces == 1 or total_bytes is None:
        cuts: list[list[int | None]] = [[0, None]]
    else:
        edges = [total_bytes * each // n_pieces for each in range(n_pieces + 1)]
        cuts = [[start, end - start] for start, end in itertools.pairwise(edges)]
    write_json(_state_path(part), {"url": url, "total": total_bytes, "pieces": cuts, **validators})
    return _build_pieces(part, cuts)


def resume(part: Path, url: str) -> tuple[list[Piece], int | None, dict[str, Any]] | None:
    """The pieces that an earlier run left of what is at `url`, the file's length in bytes, and its version."""
    try:
        known = read_json(_state_path(part))
        if known["url"] != url:
            return None
        version = {"etag": known["etag"], "modified": known["modified"]}
        return _build_pieces(part, known["pieces"]), known["total"], version
    except (OSError, ValueError, KeyError, TypeError):
        return None


def merge(part: Path, pieces: list[Piece]) -> None:
    with open(part, "wb") as whole:
        for piece in pieces:
            with open(piece.path, "rb") as stream:
                shutil.copyfileobj(stream, whole, CHUNK_BYTES)


def remove(part: Path) -> None:
    """Remove a part and all that belongs to it."""
    for path in (part, _state_path(part), *part.parent.glob(f"{glob.escape(part.name)}.[0-9]*")):
        path.unlink(missing_ok=True)


def file_size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _build_pieces(part: Path, byte_ranges: list[list[Any]]) -> list[Piece]:
    if len(byte_ranges) == 1:
        return [Piece(part, 0, None)]
    names = [part.with_name(f"{part.name}.{number}") for number in range(len(byte_ranges))]
    return [Piece(name, first, size) for name, (first, size) in zip(names, byte_ranges, strict=True)]


def _state_path(part: Path) -> Path:
    return part.with_name(part.name + ".json")
