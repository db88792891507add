"""What the names of images say: which are to be read, and what source each is from."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.errors import UserError

NAMED = 3
"""How many names a message tells before it counts."""


def some(names: Iterable[str]) -> str:
    """The first few of `names`, and how many more there are."""
    names = list(names)
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def parts(path: str) -> tuple[str, ...]:
    """A path's parts without what leads to its root: it is a name to look for, never a place to write to."""
    found = PurePosixPath(path.replace("\\", "/")).parts
    return tuple(part for part in found if part not in ("/", "//", "..") and not part.endswith(":"))


def listed(names: Iterable[str], path: str, source: str) -> set[str]:
    """Those of `names` that the text file `path` names, whole or by their last part: one a line, `#` begins a note.

    UserError where the list cannot be read, names nothing, or names a file that `source` does not have labels for.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: the list of files (`files`) cannot be read ({error})") from error
    wanted = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    taken = {name for name in names if wanted & {name, parts(name)[-1]}}
    missing = sorted(wanted - taken - {parts(name)[-1] for name in taken})
    if missing or not wanted:
        raise UserError(f"{path}: it names {some(missing) or 'no file'}, not labelled in {source}")
    return taken


def group(name: str, options: Mapping[str, Any]) -> str:
    """The source of an image: what the first group of `groups` finds in its name; by default its name alone."""
    if "groups" not in options:
        return PurePosixPath(name).stem
    try:
        match = re.search(options["groups"], name)
        found = match and match[1]
    except (re.error, IndexError) as error:
        raise UserError(
            f"`groups` is {options['groups']!r}: no regular expression with a group in (…) ({error})"
        ) from error
    if not found:
        raise UserError(f"{name}: `groups` ({options['groups']}) finds no source in this name")
    return found
