"""The source files of this repository, and what they import."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = sorted((ROOT / "src" / "samgap").rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))


def list_imports(file: Path) -> set[str]:
    """Return the full names of all modules that a file imports at any level."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def top_level_packages(*files: Path) -> set[str]:
    """Return the top-level packages that files import."""
    return {name.split(".")[0] for file in files for name in list_imports(file)}


def count_lines(file: Path) -> int:
    """Return the number of lines of a file."""
    return len(file.read_text(encoding="utf-8").splitlines())


def count_code_lines(file: Path) -> int:
    """Return the number of lines of a Python file without docstrings, comments and blank lines."""
    text = file.read_text(encoding="utf-8")
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            docstrings |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(bool(re.match(r"\s*[^\s#]", line)) and number not in docstrings for number, line in lines)
