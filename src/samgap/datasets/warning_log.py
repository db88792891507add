"""Warnings about the labels and the photographs of a data set: logged, and kept for its card and the tables.

A reader of a table does not see the log. Therefore all modules of this package warn by `warn`, and what is in doubt is
stated beside the values that rest on it.
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator

logger = logging.getLogger("samgap")


class WarningLog:
    """The warnings of a data set, as short texts."""

    def __init__(self) -> None:
        self._n_by_text: Counter[str] = Counter()

    def add(self, source_name: str | None, summary: str) -> None:
        """Keep a warning; a file in the data is named before it, but no path of this machine.

        Args:
            source_name: Name of the data for messages: a path, or `path: file in it`.
            summary: A short text, with counts.
        """
        file_name = (source_name or "").partition(": ")[2]
        self._n_by_text[f"{file_name}: {summary}" if file_name else summary] += 1

    def to_card(self) -> list[str]:
        """Return the entry `warnings` of `dataset.json`: the texts in their order, equal ones once with a number."""
        return [text if n == 1 else f"{text} ({n} times)" for text, n in self._n_by_text.items()]


_current: WarningLog | None = None


@contextlib.contextmanager
def record_warnings() -> Iterator[WarningLog]:
    """Yield a log of the warnings that `warn` is called with in the block."""
    global _current
    outer, _current = _current, WarningLog()
    try:
        yield _current
    finally:
        _current = outer


def warn(source_name: str | None, text: str, summaries: Iterable[str] | None = None) -> None:
    """Log a warning about a data set, and keep it for its card.

    Args:
        source_name: Name of the data for messages; None if the text has it.
        text: The warning, with names and what to do.
        summaries: Short texts with counts that are kept instead of it, as tables state them; empty if the card states
            it in another way.
    """
    logger.warning("warning: %s", text if source_name is None else f"{source_name}: {text}")
    if _current is not None:
        for summary in [text] if summaries is None else summaries:
            _current.add(source_name, summary)
