"""The outcome of reading a damaged file."""

from collections.abc import Callable
from typing import TypeVar

from samgap.errors import UserError

T = TypeVar("T")


def read_or_refusal(read: Callable[[], T], source_name: str) -> tuple[T | None, str]:
    """Return what a function reads and an empty text, or None and the message of its UserError.

    The message is one line that begins with the name of the source. Any other exception is a fault, and is raised.
    """
    try:
        return read(), ""
    except UserError as error:
        message = str(error)
    assert message.startswith(source_name) and "\n" not in message
    return None, message
