"""Unique names for the images of a data set, which are in one folder."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import PurePosixPath

from samgap.datasets.names import compose, split_path, summarize_names
from samgap.datasets.photographs import IMAGE_SUFFIXES
from samgap.datasets.warning_log import warn

MAX_NAME_BYTES = 200
"""Limit of a file name in bytes; file systems allow 255, of which temporary files need some."""


def make_output_names(names: Mapping[PurePosixPath, str], n_top_parts: int) -> dict[PurePosixPath, str]:
    """Return a unique file name for each image, by its path in the source.

    The name is the stated name with `_` between its folders. Images whose names would be equal, also on a disk that
    ignores case, get the name of their path in the source in the same way, and a number if these are equal, too.

    Args:
        names: Path in the source -> name as the annotations state it.
        n_top_parts: Number of the first parts of all paths that are the same, and are left out.
    """
    output_names = {path: _join(split_path(name), path) for path, name in names.items()}
    for path in _find_equal(output_names):
        output_names[path] = _join(path.parts[n_top_parts:], path)
    used = {_fold(name) for name in output_names.values()}
    numbered = []
    for path in _find_equal(output_names, with_first=False):
        name = PurePosixPath(output_names[path])
        number = 2
        while _fold(candidate := f"{name.stem}-{number}{name.suffix}") in used:
            number += 1
        used.add(_fold(candidate))
        output_names[path] = candidate
        numbered.append(f"{path} as {candidate}")
    if numbered:
        summary = f"images that get a number, because their names are equal ({len(numbered)})"
        warn(None, f"{summary}: {summarize_names(numbered)}", [summary])
    return output_names


def to_storable_name(name: str) -> str:
    """Return a file name in Unicode NFC, with `?` for bytes that are not UTF-8, which cannot be stored in tables."""
    return compose(name).encode("utf-8", "replace").decode()


def _join(parts: tuple[str, ...], path: PurePosixPath) -> str:
    """Return a file name of the parts; parts at the beginning are left out if the name would be too long."""
    parts = tuple(to_storable_name(part) for part in parts)
    if PurePosixPath(parts[-1]).suffix.lower() not in IMAGE_SUFFIXES:
        parts = (*parts[:-1], f"{PurePosixPath(parts[-1]).stem}{path.suffix}")
    while len("_".join(parts).encode()) > MAX_NAME_BYTES and len(parts) > 1:
        parts = parts[1:]
    return "_".join(parts)


def _find_equal(names: Mapping[PurePosixPath, str], with_first: bool = True) -> list[PurePosixPath]:
    """Return the sorted paths whose names are not unique, with or without the first of each name."""
    paths_by_key = defaultdict(list)
    for path in sorted(names):
        paths_by_key[_fold(names[path])].append(path)
    return [path for paths in paths_by_key.values() if len(paths) > 1 for path in paths[0 if with_first else 1 :]]


def _fold(name: str) -> str:
    return compose(name.casefold())
