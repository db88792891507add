"""How far long work has come: a bar on a terminal, else a plain line in the log every so often."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator

from tqdm import tqdm

EVERY = 15.0
"""Seconds between two lines in a log."""

logger = logging.getLogger("samgap")


@contextlib.contextmanager
def progress(name: str, total: int | None, unit: str, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how much more is done, in `unit`s (`B` is shown as MB)."""
    scale, shown = (1e6, "MB") if unit == "B" else (1, unit)
    count, last = done, time.monotonic()

    with tqdm(
        total=total, desc=name, unit=unit, initial=done, unit_scale=unit == "B", disable=not sys.stderr.isatty()
    ) as bar:

        def step(more: int) -> None:
            nonlocal count, last
            count += more
            bar.update(more)
            if time.monotonic() - last >= EVERY:
                last = time.monotonic()
                of = f" of {total / scale:.0f}" if total else ""
                logger.info("%s: %.0f%s %s", name, count / scale, of, shown)

        yield step
