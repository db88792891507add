"""Captions of figures and tables in the Snakemake report: the docstrings of their modules."""

import ast
from pathlib import Path

from samgap.errors import UserError


def read_caption(module_file: str | Path) -> str:
    """Return the docstring of a module, reStructuredText, without importing the module.

    Raises:
        UserError: The module has no docstring.
    """
    docstring = ast.get_docstring(ast.parse(Path(module_file).read_text(encoding="utf-8")))
    if not docstring:
        raise UserError(f"{module_file}: no docstring; it is the caption in the report, write one at the top")
    return docstring
