"""Join the ids of COCO annotations with the images and categories of their file.

Tools write one id in several ways: `1`, `1.0` and `"1"`, or the name instead of the id. A reference is joined if it has
one meaning, and refused if it has two.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samgap.errors import UserError

MOST = 0.9
"""Fraction of the references that must fit shifted ids for the ids to count as shifted."""
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
        """Return the row of each reference, by its key (`reference_key`); unknown references are missing.

        Raises:
            UserError: A reference may be the id of one row and the name of another, or the name of several; or all
                references are one below or above the ids.
        """
        counts = Counter(key for value in values if (key := reference_key(value)) is not None)
        references: dict[tuple[bool, str], Reference] = {}
        conflicts: list[tuple[str, int]] = []
        for key in counts:
            is_text, text = key
            row, named_rows = self.row_by_id.get(text), self.rows_by_name.get(text, set())
            is_exact = row is not None and isinstance(self.ids[row], str) == is_text
            if row is not None and named_rows - {row}:
                if not is_exact:
                    self._refuse_ambiguous(text)
                conflicts.append((text, row))
            if is_exact:
                references[key] = Reference(row)  # type: ignore[arg-type]
            elif row is not None:
                written = "text" if is_text else "a number"
                references[key] = Reference(row, f"with {self.entity}_id as {written} are joined")
            elif len(named_rows) > 1:
                self._refuse_ambiguous(text)
            elif named_rows:
                references[key] = Reference(next(iter(named_rows)), f"with {self.entity}_id as {BY_NAME}")
        if conflicts and any(BY_NAME in reference.change for reference in references.values()):
            # Some references are names, so a number that is an id and the name of another row may be either.
            self._refuse_ambiguous(conflicts[0][0])
        self._refuse_shifted(counts, {key[1] for key in references})
        return references

    def _refuse_ambiguous(self, text: str) -> None:
        key = f"{self.entity}_id"
        raise UserError(
            f"{self.source_name}: {key} {show(text)[1:-1]} may be an id, or the name of another {self.entity}; write "
            f"the ids of the {'images' if self.entity == 'image' else 'categories'} as {key}"
        )

    def _refuse_shifted(self, counts: Mapping[tuple[bool, str], int], known: set[str]) -> None:
        """Raise UserError if the references fit the ids after a shift by one, and do not fit them now."""
        if all(key[1] in known for key in counts):
            return
        n_references = sum(counts.values())
        n_known = sum(count for key, count in counts.items() if key[1] in known)
        for shift, word in ((1, "below"), (-1, "above")):
            fits = {key: _shift(key[1], shift) in self.row_by_id for key in counts}
            n_fitting = sum(count for key, count in counts.items() if fits[key])
            if all(fits.values()) or (n_fitting >= MOST * n_references and n_known < n_references / 2):
                section = "images" if self.entity == "image" else "categories"
                raise UserError(
                    f"{self.source_name}: each {self.entity}_id seems one {word} the id that it means (for example "
                    f"{next(key[1] for key in counts if key[1] not in known)}, which is not in `{section}`); write the "
                    f"ids of `{section}`, or remove these annotations"
                )


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
