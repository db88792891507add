"""Join the ids of COCO annotations with the images and categories of their file.

Tools write one id in several ways: `1`, `1.0` and `"1"`, or the name instead of the id. A reference is joined if it has
one meaning, and left out if it has two. If most references have two, or all ids are off by one, the file is refused.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samgap.datasets.names import summarize_names
from samgap.datasets.warning_log import warn
from samgap.errors import UserError

MOST = 0.9
"""Fraction of the references that must fit shifted ids for the ids to count as shifted."""
MIN_IDS_OF_A_SHIFT = 10
"""Number of ids from which references to all of them but the last, and to one before the first, are no coincidence."""
MIN_UNKNOWN_OF_A_SHIFT = 2
"""Number of references to one before the first id from which the same holds for fewer ids."""
BY_NAME = "a name are joined"
MAX_SHOWN_CHARS = 40
"""Characters of an id in messages."""


def show(value: Any) -> str:
    """Return a value of the file for a message: on one line and short, a text in quotation marks."""
    if not isinstance(value, str | int | float | None):
        return f"a {type(value).__name__}"
    text = repr(value)
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"


def to_id_text(value: Any) -> str | None:
    """Return the same text for `1`, `1.0`, `"1"` and `"1.0"`; None for a value that is not a number or a text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return (str(int(value)) if value.is_integer() else repr(value)) if math.isfinite(value) else None
    if isinstance(value, str):
        return re.sub(r"^([+-]?\d+)\.0+$", r"\1", value.strip()) or None
    return None


@dataclass(frozen=True)
class Reference:
    """The row that a reference belongs to.

    Attributes:
        row: Index of the image or category.
        change: How the reference was read if it is not the id itself, for a message; otherwise empty.
    """

    row: int
    change: str = ""


class IdIndex:
    """The ids of the images or categories of a COCO file, and the names that references may have instead.

    Args:
        source_name: Name of the file for messages.
        entity: `image` or `category`.
        ids: Id of each row.
        names: Names of each row, such as its file name and its stem.

    Raises:
        UserError: An id is missing, not a number or a text, or not unique; 1 and "1" are equal.
    """

    def __init__(self, source_name: str, entity: str, ids: Sequence[Any], names: Sequence[Iterable[str]]) -> None:
        self.source_name, self.entity, self.ids = source_name, entity, ids
        self.row_by_id = index_unique_ids(source_name, entity, ids)
        self.rows_by_name: dict[str, set[int]] = defaultdict(set)
        for row, row_names in enumerate(names):
            for name in row_names:
                self.rows_by_name[name].add(row)

    def join(self, values: Iterable[Any]) -> dict[tuple[bool, str], Reference]:
        """Return the row of each reference, by its key (`reference_key`); unknown and ambiguous ones are missing.

        Raises:
            UserError: Most references may be the id of one row and the name of another, or the name of several; or all
                references are one below or above the ids.
        """
        counts = Counter(key for value in values if (key := reference_key(value)) is not None)
        references: dict[tuple[bool, str], Reference] = {}
        ambiguous: set[tuple[bool, str]] = set()
        conflicts: set[tuple[bool, str]] = set()
        for key in counts:
            is_text, text = key
            row, named_rows = self.row_by_id.get(text), self.rows_by_name.get(text, set())
            is_exact = row is not None and isinstance(self.ids[row], str) == is_text
            has_other_name = row is not None and bool(named_rows - {row})
            if (has_other_name and not is_exact) or (row is None and len(named_rows) > 1):
                ambiguous.add(key)
            elif is_exact:
                references[key] = Reference(row)  # type: ignore[arg-type]
                conflicts |= {key} if has_other_name else set()
            elif row is not None:
                written = "text" if is_text else "a number"
                references[key] = Reference(row, f"with {self.entity}_id as {written} are joined")
            elif named_rows:
                references[key] = Reference(next(iter(named_rows)), f"with {self.entity}_id as {BY_NAME}")
        ambiguous |= _find_rarer(counts, references, conflicts)
        self._leave_out(counts, ambiguous)
        known = {key[1] for key in references} | {key[1] for key in ambiguous}
        self._refuse_shifted(counts, known)
        return {key: reference for key, reference in references.items() if key not in ambiguous}

    def _leave_out(self, counts: Counter[tuple[bool, str]], ambiguous: set[tuple[bool, str]]) -> None:
        """Warn of ambiguous references; raise UserError if they are most."""
        if not ambiguous:
            return
        texts = [show(key[1])[1:-1] for key in counts if key in ambiguous]
        meanings = f"may be an id, or the name of another {self.entity}"
        section = "images" if self.entity == "image" else "categories"
        n_ambiguous = sum(counts[key] for key in ambiguous)
        if 2 * n_ambiguous > counts.total():
            raise UserError(
                f"{self.source_name}: {self.entity}_id {texts[0]} {meanings}; write the ids of the {section} as "
                f"{self.entity}_id"
            )
        cause = f"{n_ambiguous} annotations are left out, because their {self.entity}_id"
        warn(self.source_name, f"{cause} ({summarize_names(texts)}) {meanings}", [f"{cause} {meanings}"])

    def _refuse_shifted(self, counts: Counter[tuple[bool, str]], known: set[str]) -> None:
        """Raise UserError if the references fit the ids after a shift by one, and do not fit them now.

        Warn if all fit after a shift, but those that do not fit now are so few that they may be errors.
        """
        known_counts = [count for key, count in counts.items() if key[1] in known]
        n_unknown = counts.total() - sum(known_counts)
        if not n_unknown:
            return
        # One annotation with a wrong id may fit by chance. Shifted ids have as many annotations as others have, or
        # leave out only the last id: the first image or category may be a rare one.
        is_typical = n_unknown >= min(known_counts, default=0)
        n_ids = len({key[1] for key in counts})
        is_complete = len(self.row_by_id) == n_ids and (
            n_ids >= MIN_IDS_OF_A_SHIFT or n_unknown >= MIN_UNKNOWN_OF_A_SHIFT
        )
        section = "images" if self.entity == "image" else "categories"
        for shift, word in ((1, "below"), (-1, "above")):
            fits = {key: _shift(key[1], shift) in self.row_by_id for key in counts}
            n_fitting = sum(count for key, count in counts.items() if fits[key])
            is_shifted = all(fits.values()) and (is_typical or is_complete)
            if is_shifted or (n_fitting >= MOST * counts.total() and sum(known_counts) < n_unknown):
                raise UserError(
                    f"{self.source_name}: each {self.entity}_id seems one {word} the id that it means (for example "
                    f"{next(key[1] for key in counts if key[1] not in known)}, which is not in `{section}`); write the "
                    f"ids of `{section}`, or remove these annotations"
                )
            if all(fits.values()):
                problem = f"may be off by one: all fit the ids of `{section}` if each is one {word} them"
                unknown = summarize_names(key[1] for key in counts if key[1] not in known)
                warn(
                    self.source_name,
                    f"{self.entity}_id {problem}, and {unknown} is not in `{section}` as written; check that "
                    f"annotations are of the right {self.entity}",
                    [f"{self.entity}_id {problem}"],
                )


def _find_rarer(
    counts: Mapping[tuple[bool, str], int],
    references: Mapping[tuple[bool, str], Reference],
    conflicts: set[tuple[bool, str]],
) -> set[tuple[bool, str]]:
    """Return the references that are ambiguous because some are names, and others are ids and names of other rows.

    The more frequent way of writing is that of the file; references in the other way may be either.
    """
    named = {key for key, reference in references.items() if BY_NAME in reference.change}
    if not (named and conflicts):
        return set()
    n_named, n_references = (sum(counts[key] for key in keys) for keys in (named, references))
    return (named if 2 * n_named <= n_references else set()) | (conflicts if 2 * n_named >= n_references else set())


def reference_key(value: Any) -> tuple[bool, str] | None:
    """Return whether a reference is text, and its text; None if it is neither a number nor a text."""
    text = to_id_text(value)
    return None if text is None else (isinstance(value, str), text)


def index_unique_ids(source_name: str, entity: str, ids: Iterable[Any]) -> dict[str, int]:
    """Return the index of each id by its text.

    Raises:
        UserError: An id is missing, not a number or a text, or not unique.
    """
    rows: dict[str, int] = {}
    values = list(ids)
    for row, value in enumerate(values):
        text = to_id_text(value)
        if text is None:
            raise UserError(f"{source_name}: the {entity} id {show(value)} is missing or not a number; correct it")
        if text in rows:
            first = values[rows[text]]
            other = "" if type(first) is type(value) else f" ({show(first)} and {show(value)} are the same id)"
            raise UserError(f"{source_name}: the {entity} id {show(value)} is not unique{other}")
        rows[text] = row
    return rows


def _shift(text: str, shift: int) -> str | None:
    return str(int(text) + shift) if re.fullmatch(r"-?\d{1,18}", text, re.ASCII) else None
