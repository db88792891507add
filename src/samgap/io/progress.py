"""Progress of long work: a bar on a terminal, otherwise a line in the log at intervals."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator

from tqdm import tqdm

LOG_INTERVAL_SECONDS = 15.0
"""Seconds between two lines in a log."""

logger = logging.getLogger("samgap")


@contextlib.contextmanager
def report_progress(
    description: str, total: int | None, unit: str, initial: int = 0
) -> Iterator[Callable[[int], None]]:
    """Report the progress of the work in a `with` block.

    Args:
        description: the work, for example `predictions`
        total: amount of work in units; None if unknown
        unit: `images`, for example; `B` is displayed as MB
        initial: amount of work that was done before

    Yields:
        A function to call with the amount of work done since its last call.
    """
    scale, unit_label = (1e6, "MB") if unit == "B" else (1, unit)
    count, last_line = initial, time.monotonic()

    with tqdm(
        total=total,
        desc=description,
        unit=unit,
        initial=initial,
        unit_scale=unit == "B",
        disable=not sys.stderr.isatty(),
    ) as bar:

        def advance(amount: int) -> None:
            nonlocal count, last_line
            count += amount
            bar.update(amount)
            if time.monotonic() - last_line >= LOG_INTERVAL_SECONDS:
                last_line = time.monotonic()
                of_total = f" of {total / scale:.0f}" if total else ""
                logger.info("%s: %.0f%s %s", description, count / scale, of_total, unit_label)

        yield advance
