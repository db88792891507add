"""The exceptions that users are meant to read."""

from pathlib import Path


class UserError(Exception):
    """Invalid input, reported as one line: what is wrong, where, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class DamagedFileError(UserError):
    """A file whose content cannot be read although it was fetched: truncated, or not of the expected format.

    Attributes:
        path: The file. `samgap.download.damaged` removes it from the cache if it came from there.
    """

    def __init__(self, message: str, path: str | Path) -> None:
        super().__init__(message)
        self.path = Path(path)
