"""A figure's or table's caption is the docstring of its script: one file holds both."""

import ast
from pathlib import Path

from samgap.errors import UserError


def read_caption(script: str | Path) -> str:
    """The docstring of `script`, reStructuredText; a script without one raises UserError."""
    found = ast.get_docstring(ast.parse(Path(script).read_text()))
    if not found:
        raise UserError(f"{script}: no docstring; it is the caption in the report, write one at the top")
    return found
