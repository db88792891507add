"""Why a value is absent, in words: `skipped: …` and `not evaluable: …`."""

import re
import textwrap
from string import ascii_lowercase

import pandas as pd

SKIPPED = "skipped"
NOT_EVALUABLE = "not evaluable"


def format_note(note: str | None) -> str:
    """The note of a row without a value; a missing one (null in the table) is told as such."""
    return "no value: the table gives no reason" if note is None or pd.isna(note) else str(note)


def note_kind(note: str | None) -> str:
    """What stands before the colon: `skipped`, `not evaluable`."""
    return format_note(note).split(":")[0].strip()


def shorten_note(note: str | None, max_chars: int, max_lines: int = 2) -> str:
    """The note wrapped to `lines` of `width` characters: without its details in brackets, and cut where it must be."""
    wrapped = textwrap.wrap(re.sub(r"\s*\([^()]*\)", "", format_note(note)), max_chars)
    if len(wrapped) > max_lines:
        wrapped = [*wrapped[: max_lines - 1], wrapped[max_lines - 1][: max_chars - 1].rstrip() + "…"]
    return "\n".join(wrapped)


class Footnotes:
    """Letters for notes, in order of their first mention: `mark` gives the letter, `listed` all of them."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def add(self, note: str | None) -> str:
        words = format_note(note)
        if words not in self._texts:
            self._texts.append(words)
        return self._letter(self._texts.index(words))

    def entries(self) -> list[tuple[str, str]]:
        return [(self._letter(number), words) for number, words in enumerate(self._texts)]

    @staticmethod
    def _letter(index: int) -> str:
        rounds, letter = divmod(index, len(ascii_lowercase))
        return ascii_lowercase[letter] + (str(rounds + 1) if rounds else "")
