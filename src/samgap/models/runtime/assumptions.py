"""What was assumed about weights files, for the log and the provenance. Without torch: see `binary_masks`."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from contextvars import ContextVar

logger = logging.getLogger("samgap")

_recorded: ContextVar[list[str] | None] = ContextVar("weights_assumptions", default=None)


@contextlib.contextmanager
def record_assumptions() -> Iterator[list[str]]:
    """Yield a list that receives what `load_weights` assumes about files inside this context, each with its file."""
    messages: list[str] = []
    token = _recorded.set(messages)
    try:
        yield messages
    finally:
        _recorded.reset(token)


def log_assumptions(source: str, messages: Sequence[str]) -> None:
    """Log what is assumed about the file `source`, and add it to the list of `record_assumptions`."""
    recorded = _recorded.get()
    for message in messages:
        logger.info("%s: %s", source, message)
        if recorded is not None:
            recorded.append(f"{source}: {message}")
