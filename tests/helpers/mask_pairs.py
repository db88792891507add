"""Read a folder or an archive in the layout of MinneApple, or the error that reading it raises."""

from pathlib import Path
from typing import Any

import pytest

from samgap.datasets import AnnotatedImage, minneapple_layout
from samgap.errors import UserError


def read_pairs(source: Path, **options: Any) -> list[AnnotatedImage]:
    """Return the photographs of a source with their instances."""
    return list(minneapple_layout.iter_images(options, {"data": source}, 0))


def read_pairs_error(source: Path, **options: Any) -> str:
    """Return the message, one line, of the error that reading the source raises."""
    with pytest.raises(UserError) as caught:
        read_pairs(source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
