"""Select image files by a list of names, and extract the group of an image from its name."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.errors import UserError

MAX_LISTED_NAMES = 3
"""Number of names that a message lists; further names are counted."""


def summarize_names(names: Iterable[str]) -> str:
    """Return a text with the first names and the number of further names."""
    names = list(names)
    return ", ".join(names[:MAX_LISTED_NAMES]) + (
        f" and {len(names) - MAX_LISTED_NAMES} more" if len(names) > MAX_LISTED_NAMES else ""
    )


def split_path(path: str) -> tuple[str, ...]:
    """Split a path into its parts, without roots, drives and `..`; the parts are used only for comparisons."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return tuple(part for part in parts if part not in ("/", "//", "..") and not part.endswith(":"))


def select_listed(names: Iterable[str], list_path: str, source_name: str) -> set[str]:
    """Select the names that a text file lists, by full path or by file name.

    Args:
        names: Names of all labelled images.
        list_path: Text file (UTF-8) with one name per line; lines that start with `#` are comments.
        source_name: Name of the data for messages.

    Raises:
        UserError: The list cannot be read, is empty, or has a name that is not in `names`.
    """
    try:
        lines = Path(list_path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{list_path}: the list of files (`files`) cannot be read ({error})") from error
    listed = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    if not listed:
        raise UserError(f"{list_path}: the list of files (`files`) is empty")
    selected = {name for name in names if listed & {name, split_path(name)[-1]}}
    missing = sorted(listed - selected - {split_path(name)[-1] for name in selected})
    if missing:
        raise UserError(f"{list_path}: lists {summarize_names(missing)}, not labelled in {source_name}")
    return selected


def extract_group(file_name: str, options: Mapping[str, Any]) -> str:
    """Return the group of an image: the first group that the option `groups` matches, or the name without suffix.

    Raises:
        UserError: `groups` is not a regular expression with a group, or does not match the name.
    """
    if "groups" not in options:
        return PurePosixPath(file_name).stem
    try:
        match = re.search(options["groups"], file_name)
        group = match and match[1]
    except (re.error, IndexError) as error:
        raise UserError(
            f"`groups` is {options['groups']!r}: not a regular expression with a group in (…) ({error})"
        ) from error
    if not group:
        raise UserError(f"{file_name}: `groups` ({options['groups']}) does not match this name")
    return group
