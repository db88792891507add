"""Reasons for which a file cannot be downloaded, or is not used."""

from collections.abc import Mapping
from typing import Any

from samgap.errors import UserError


class Unavailable(UserError):
    """A file does not exist, the server refuses it, or the server cannot be reached."""


class Unreachable(Unavailable):
    """The server cannot be reached, or has a temporary fault, so it is not known what it has."""


class ChecksumMismatch(UserError):
    """A file does not have the expected size or checksums; `actual` has its own."""

    def __init__(self, message: str, actual: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.actual = actual
