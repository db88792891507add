"""What has arrived of a file: one part or several pieces, and beside them a note of what they are parts of."""

import glob
import itertools
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samgap.files import CHUNK, read_json, write_json


@dataclass(frozen=True)
class Piece:
    """Bytes `first` to `first + size` of the file (`size` None: all of it, however long)."""

    file: Path
    first: int
    size: int | None


def begin(part: Path, url: str, total: int | None, version: Mapping[str, Any], number: int) -> list[Piece]:
    """Cut a file of `total` bytes into `number` pieces, and note it beside them."""
    if number == 1 or total is None:
        cuts: list[list[int | None]] = [[0, None]]
    else:
        edges = [total * each // number for each in range(number + 1)]
        cuts = [[start, end - start] for start, end in itertools.pairwise(edges)]
    write_json(_note(part), {"url": url, "total": total, "pieces": cuts, **version})
    return _pieces(part, cuts)


def left(part: Path, url: str) -> tuple[list[Piece], int | None, dict[str, Any]] | None:
    """The pieces that an earlier run left of what is at `url`, the file's length in bytes, and its version."""
    try:
        known = read_json(_note(part))
        if known["url"] != url:
            return None
        version = {"etag": known["etag"], "modified": known["modified"]}
        return _pieces(part, known["pieces"]), known["total"], version
    except (OSError, ValueError, KeyError, TypeError):
        return None


def join(part: Path, pieces: list[Piece]) -> None:
    with open(part, "wb") as whole:
        for piece in pieces:
            with open(piece.file, "rb") as stream:
                shutil.copyfileobj(stream, whole, CHUNK)


def forget(part: Path) -> None:
    """Remove a part and all that belongs to it."""
    for path in (part, _note(part), *part.parent.glob(f"{glob.escape(part.name)}.[0-9]*")):
        path.unlink(missing_ok=True)


def length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _pieces(part: Path, cuts: list[list[Any]]) -> list[Piece]:
    if len(cuts) == 1:
        return [Piece(part, 0, None)]
    names = [part.with_name(f"{part.name}.{number}") for number in range(len(cuts))]
    return [Piece(name, first, size) for name, (first, size) in zip(names, cuts, strict=True)]


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")
