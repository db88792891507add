"""Why a value is absent, in words: `skipped: …` and `not evaluable: …`."""

import re
import textwrap
from string import ascii_lowercase

import pandas as pd

SKIPPED = "skipped"
NOT_EVALUABLE = "not evaluable"


def text(note: str | None) -> str:
    """The note of a row without a value; a missing one (null in the table) is told as such."""
    return "no value: the table gives no reason" if note is None or pd.isna(note) else str(note)


def kind(note: str | None) -> str:
    """What stands before the colon: `skipped`, `not evaluable`."""
    return text(note).split(":")[0].strip()


def short(note: str | None, width: int, lines: int = 2) -> str:
    """The note wrapped to `lines` of `width` characters: without its details in brackets, and cut where it must be."""
    wrapped = textwrap.wrap(re.sub(r"\s*\([^()]*\)", "", text(note)), width)
    if len(wrapped) > lines:
        wrapped = [*wrapped[: lines - 1], wrapped[lines - 1][: width - 1].rstrip() + "…"]
    return "\n".join(wrapped)


class Footnotes:
    """Letters for notes, in order of their first mention: `mark` gives the letter, `listed` all of them."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def mark(self, note: str | None) -> str:
        words = text(note)
        if words not in self._texts:
            self._texts.append(words)
        return self._letter(self._texts.index(words))

    def listed(self) -> list[tuple[str, str]]:
        return [(self._letter(number), words) for number, words in enumerate(self._texts)]

    @staticmethod
    def _letter(number: int) -> str:
        rounds, letter = divmod(number, len(ascii_lowercase))
        return ascii_lowercase[letter] + (str(rounds + 1) if rounds else "")
