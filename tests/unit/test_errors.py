"""Errors that users read."""

import gzip
from pathlib import Path

import pytest

from samgap.errors import DamagedFileError, UserError, make_reading_error


@pytest.mark.parametrize(
    ("error", "is_damaged"),
    [
        (EOFError("end"), True),
        (gzip.BadGzipFile("not gzipped"), True),
        (PermissionError(13, "Permission denied"), False),
        (OSError(5, "Input/output error"), False),
        (MemoryError(), False),
    ],
)
def test_a_file_is_damaged_if_its_content_is_the_reason(error: Exception, is_damaged: bool) -> None:
    made = make_reading_error("a.zip: not\nreadable", "a.zip", error)
    assert str(made) == "a.zip: not readable"
    assert type(made) is (DamagedFileError if is_damaged else UserError)
    if isinstance(made, DamagedFileError):
        assert made.path == Path("a.zip")
