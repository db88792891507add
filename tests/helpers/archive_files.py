"""Read all files of an archive, or the error that reading it raises."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from samgap.datasets.archive import iter_files
from samgap.errors import UserError


def read_archive(
    path: Path, path_filter: Callable[[PurePosixPath], bool] = lambda _: True, **limits: float
) -> dict[str, bytes]:
    """Return the files of an archive or a folder by their paths."""
    return {str(file): content for file, content in iter_files(path, path_filter, **limits)}


def read_archive_error(path: Path, **limits: float) -> str:
    """Return the message, one line with the path, of the error that reading an archive raises."""
    with pytest.raises(UserError) as caught:
        read_archive(path, **limits)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)
