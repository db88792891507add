"""How far long work has come: a bar on a terminal, else a plain line in the log every so often."""

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
    """Yield a function that is told how much more is done, in `unit`s (`B` is shown as MB)."""
    scale, shown = (1e6, "MB") if unit == "B" else (1, unit)
    count, last = initial, time.monotonic()

    with tqdm(
        total=total,
        desc=description,
        unit=unit,
        initial=initial,
        unit_scale=unit == "B",
        disable=not sys.stderr.isatty(),
    ) as bar:

        def step(more: int) -> None:
            nonlocal count, last
            count += more
            bar.update(more)
            if time.monotonic() - last >= LOG_INTERVAL_SECONDS:
                last = time.monotonic()
                of = f" of {total / scale:.0f}" if total else ""
                logger.info("%s: %.0f%s %s", description, count / scale, of, shown)

        yield step
