"""Format the notes of rows without a value (`skipped: …`), and the lost labels and warnings of data sets."""

import re
import textwrap
from collections.abc import Mapping
from string import ascii_lowercase
from typing import Any

import pandas as pd

MAX_WARNINGS = 3
"""Number of the warnings about a data set that a remark states."""


def format_note(note: str | None) -> str:
    """Return the note of a row without a value, or a default text for a null note."""
    return "no value: the table states no reason" if note is None or pd.isna(note) else str(note)


def note_kind(note: str | None) -> str:
    """Return the part of a note before its colon: `skipped` or `not evaluable`."""
    return format_note(note).split(":")[0].strip()


def shorten_note(note: str | None, max_chars: int, max_lines: int = 2) -> str:
    """Return a note without its parts in brackets, wrapped to `max_lines` lines of `max_chars`; a longer one is cut."""
    wrapped = textwrap.wrap(re.sub(r"\s*\([^()]*\)", "", format_note(note)), max_chars)
    if len(wrapped) > max_lines:
        wrapped = [*wrapped[: max_lines - 1], wrapped[max_lines - 1][: max_chars - 1].rstrip() + "…"]
    return "\n".join(wrapped)


def describe_left_out(card: Mapping[str, Any]) -> str | None:
    """Return a remark on the annotations of a data set that could not be used, or not whole; None without any.

    It has the number of annotations by reason, and of instances by the attribute whose value is unknown.

    Args:
        card: Content of `dataset.json`.
    """
    sentences = []
    counts: Mapping[str, int] = card.get("left_out", {})
    if counts:
        reasons = "; ".join(f"{number:,} {reason}" for reason, number in counts.items())
        sentences.append(
            f"{sum(counts.values()):,} of {card['n_annotations_read']:,} annotations could not be used: {reasons}."
        )
        if n_images := card.get("n_incomplete_images", 0):
            images = "1 image" if n_images == 1 else f"{n_images:,} images"
            sentences.append(f"In {images} that may lack a label, phrases of the nouns concerned are not evaluable.")
    for name, number in card.get("unknown_attributes", {}).items():
        sentences.append(f"The value of {name} is unknown for {number:,} of {card['n_instances']:,} instances.")
    return f"Data set {card['dataset']}: {' '.join(sentences)}" if sentences else None


def describe_warnings(card: Mapping[str, Any]) -> str | None:
    """Return a remark on the first warnings about the labels and photographs of a data set; None without any.

    Args:
        card: Content of `dataset.json`.
    """
    warnings: list[str] = card.get("warnings", [])
    if not warnings:
        return None
    n_others = len(warnings) - MAX_WARNINGS
    others = f"; and {n_others:,} more in dataset.json" if n_others > 0 else ""
    return f"Data set {card['dataset']}, warnings: {'; '.join(warnings[:MAX_WARNINGS])}{others}"


class Footnotes:
    """Footnotes with letters in the order in which their texts are added."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def add(self, note: str | None) -> str:
        """Return the letter of a note; equal notes have the same letter."""
        text = format_note(note)
        if text not in self._texts:
            self._texts.append(text)
        return self._letter(self._texts.index(text))

    def entries(self) -> list[tuple[str, str]]:
        """Return letter and text of each footnote."""
        return [(self._letter(index), text) for index, text in enumerate(self._texts)]

    @staticmethod
    def _letter(index: int) -> str:
        """Return the letter of a footnote: a to z, then a2 to z2, and so on."""
        n_rounds, letter = divmod(index, len(ascii_lowercase))
        return ascii_lowercase[letter] + (str(n_rounds + 1) if n_rounds else "")
