"""The files of a folder or an archive that count as data; hidden files and those of operating systems do not."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from samgap.errors import UserError

SYSTEM_NAMES = frozenset(
    {
        "__macosx",  # macOS, in zip archives
        "icon\r",  # macOS, the icon of a folder
        "thumbs.db",  # Windows
        "ehthumbs.db",
        "desktop.ini",
        "$recycle.bin",
        "recycler",
        "system volume information",
        "lost+found",  # Linux
        "@eadir",  # Synology
        "#recycle",
        "#snapshot",
        "@recycle",  # QNAP
        "@recently-snapshot",
        "~snapshot",  # NetApp
    }
)
"""Names, in lower case, of files and folders that operating systems and storage devices add to the user's files."""


def is_visible(path: PurePosixPath) -> bool:
    """Return whether a file is data: neither hidden (`.name`, also `._name` of macOS) nor of an operating system.

    A file in a hidden folder (`.ipynb_checkpoints`, `.thumbnails`) or in a folder of an operating system (`@eaDir`,
    `__MACOSX`) is not visible either.

    Args:
        path: Path of the file relative to the folder or archive that contains the data.
    """
    return not any(is_system_name(part) for part in path.parts)


def is_system_name(name: str) -> bool:
    """Return whether a file or folder of this name is hidden or of an operating system."""
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def walk_visible_files(folder: Path) -> Iterator[Path]:
    """Yield the paths of the visible files in a folder and its sub-folders, in sorted order.

    Links are followed, except for a link to a folder that contains it, which would never end.

    Raises:
        UserError: A visible folder cannot be listed.
    """
    yield from _walk(folder, ())


def _walk(folder: Path, parents: tuple[str, ...]) -> Iterator[Path]:
    parents = (*parents, os.path.realpath(folder))
    try:
        with os.scandir(folder) as listing:
            entries = sorted((entry.name, entry.is_dir()) for entry in listing if not is_system_name(entry.name))
    except OSError as error:
        raise UserError(f"{folder}: the folder cannot be listed ({error.strerror}); check its permissions") from error
    for name, _ in (entry for entry in entries if not entry[1]):
        yield folder / name
    for name, _ in (entry for entry in entries if entry[1]):
        if os.path.realpath(folder / name) not in parents:
            yield from _walk(folder / name, parents)
