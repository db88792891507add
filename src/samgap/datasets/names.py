"""What the names of images say: which are to be read, and what source each is from."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.errors import UserError

MAX_LISTED_NAMES = 3
"""How many names a message tells before it counts."""


def summarize_names(names: Iterable[str]) -> str:
    """The first few of `names`, and how many more there are."""
    names = list(names)
    return ", ".join(names[:MAX_LISTED_NAMES]) + (
        f" and {len(names) - MAX_LISTED_NAMES} more" if len(names) > MAX_LISTED_NAMES else ""
    )


def split_path(path: str) -> tuple[str, ...]:
    """A path's parts without what leads to its root: it is a name to look for, never a place to write to."""
    found = PurePosixPath(path.replace("\\", "/")).parts
    return tuple(part for part in found if part not in ("/", "//", "..") and not part.endswith(":"))


def select_listed(names: Iterable[str], list_path: str, source_name: str) -> set[str]:
    """Those of `names` that the text file `path` names, whole or by their last part: one a line, `#` begins a note.

    UserError where the list cannot be read, names nothing, or names a file that `source` does not have labels for.
    """
    try:
        lines = Path(list_path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{list_path}: the list of files (`files`) cannot be read ({error})") from error
    wanted = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    taken = {name for name in names if wanted & {name, split_path(name)[-1]}}
    missing = sorted(wanted - taken - {split_path(name)[-1] for name in taken})
    if missing or not wanted:
        raise UserError(f"{list_path}: it names {summarize_names(missing) or 'no file'}, not labelled in {source_name}")
    return taken


def extract_group(file_name: str, options: Mapping[str, Any]) -> str:
    """The source of an image: what the first group of `groups` finds in its name; by default its name alone."""
    if "groups" not in options:
        return PurePosixPath(file_name).stem
    try:
        match = re.search(options["groups"], file_name)
        found = match and match[1]
    except (re.error, IndexError) as error:
        raise UserError(
            f"`groups` is {options['groups']!r}: no regular expression with a group in (…) ({error})"
        ) from error
    if not found:
        raise UserError(f"{file_name}: `groups` ({options['groups']}) finds no source in this name")
    return found
