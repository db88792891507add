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


class DamagedResultError(DamagedFileError):
    """A result of the workflow whose content has changed since it was written.

    `samgap.jobs.script` moves it aside, so that its rule runs again.
    """

    def __init__(self, reason: str, path: str | Path) -> None:
        super().__init__(f"{path}: damaged ({reason}); the rule that writes it has to run again", path)


def make_reading_error(message: str, path: str | Path, error: Exception) -> UserError:
    """Return DamagedFileError if the content of a file is the reason of `error`; else UserError.

    Errors of the file system (they have an `errno`) and a lack of memory do not mean that the file is damaged.
    """
    if getattr(error, "errno", None) is not None or isinstance(error, MemoryError):
        return UserError(message)
    return DamagedFileError(message, path)
