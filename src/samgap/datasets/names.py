"""Compare the names of image files, and select images by a list of names."""

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes

from samgap.errors import UserError

MAX_LISTED_NAMES = 3
"""Number of names that a message lists; further names are counted."""
SUFFIX_SYNONYMS = {".jpeg": ".jpg", ".tiff": ".tif", ".heif": ".heic"}
"""Suffixes of one format."""


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


def compose(text: str) -> str:
    """Return a text in the form in which accents are parts of their letters (Unicode NFC).

    A name that macOS wrote has accents as separate characters, though it looks the same.
    """
    return unicodedata.normalize("NFC", text)


def decode_percent(text: str) -> str:
    """Return a text with percent-encoded characters (`%20`) decoded, also if it was encoded several times."""
    while "%" in text:
        try:
            encoded = unquote_to_bytes(text)
        except UnicodeEncodeError:  # the name has bytes that are not Unicode, and no encoded characters
            break
        try:
            decoded = encoded.decode("utf-8")
        except UnicodeDecodeError:
            decoded = encoded.decode("latin-1")
        if decoded == text:
            break
        text = decoded
    return text


def clean_path(path: str) -> str:
    """Return the path of a file in an address: without `?…` and percent-encoding; a plain path is returned as it is.

    Label Studio writes files of its disk as `/data/local-files/?d=<path>`.
    """
    address, _, query = path.partition("?")
    if query.startswith("d="):
        path = query.removeprefix("d=")
    elif "://" in path:
        path = address
    return decode_percent(path)


def normalize_spelling(name: str) -> str:
    """Return one spelling for names that differ in Unicode form, percent-encoding, or the form of the suffix."""
    path = PurePosixPath(compose(decode_percent(name)))
    suffix = path.suffix.lower()
    return f"{path.stem}{SUFFIX_SYNONYMS.get(suffix, suffix)}"


def suggest_name(name: str, candidates: Iterable[str]) -> str:
    """Return ` (did you mean …?)` with the most similar candidate, or an empty text.

    A candidate with other numbers is not suggested: `0002.jpg` is another image than `0003.jpg`.
    """
    similar = defaultdict(list)
    stem = PurePosixPath(name).stem.casefold()
    for candidate in candidates:
        candidate_stem = PurePosixPath(candidate).stem.casefold()
        if candidate != name and candidate_stem == stem:
            return f" (did you mean {candidate}?)"
        is_contained = min(len(stem), len(candidate_stem)) >= 3 and (stem in candidate_stem or candidate_stem in stem)
        if candidate != name and (is_contained or _find_numbers(stem) == _find_numbers(candidate_stem)):
            similar[candidate.casefold()].append(candidate)
    matches = difflib.get_close_matches(name.casefold(), sorted(similar), n=1)
    return f" (did you mean {similar[matches[0]][0]}?)" if matches else ""


def _find_numbers(text: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"[0-9]+", text)]


def select_listed(names: Iterable[str], list_path: str, source_name: str) -> set[str]:
    """Select the names that a text file lists, by full path or by the last parts of it.

    Args:
        names: Names of all labelled images.
        list_path: Text file (UTF-8) with one name per line; lines that start with `#` are comments.
        source_name: Name of the data for messages.

    Raises:
        UserError: The list cannot be read, is empty, or has a name that is not in `names` or may be several of them.
    """
    try:
        lines = Path(list_path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{list_path}: the list of files (`files`) cannot be read ({error})") from error
    listed = dict.fromkeys(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not listed:
        raise UserError(f"{list_path}: the list of files (`files`) is empty")
    names_by_key = defaultdict(set)
    for name in names:
        parts = split_path(compose(name))
        for key in (name, *("/".join(parts[start:]) for start in range(len(parts)))):
            names_by_key[key].add(name)
    selected, missing = set(), []
    for line in listed:
        # The name itself has priority, then its parts: `a.jpg` may be the end of several paths.
        matches = {line} if line in names_by_key[line] else names_by_key[compose("/".join(split_path(line)))]
        if len(matches) > 1:
            first, second = sorted(matches)[:2]
            raise UserError(f"{list_path}: {line} may be {first} or {second}; write it with its folder")
        if not matches:
            missing.append(line)
        selected |= matches
    if missing:
        suggestion = suggest_name(missing[0], names_by_key)
        raise UserError(f"{list_path}: lists {summarize_names(missing)}, not labelled in {source_name}{suggestion}")
    return selected
