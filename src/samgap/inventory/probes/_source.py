"""Reading of the packages' source code: identifiers, calls and classes, without comments and docstrings."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path


def parse_module(module: str) -> ast.Module:
    """Return the syntax tree of an installed module, without importing it."""
    return ast.parse(_find_file(module).read_text(encoding="utf-8"))


def list_package_files(package: str) -> list[Path]:
    """Return all Python files of an installed top-level package, sorted."""
    return sorted(find_package_folder(package).rglob("*.py"))


def find_package_folder(package: str) -> Path:
    """Return the folder of an installed top-level package, without importing it."""
    specification = importlib.util.find_spec(package)
    assert specification is not None and specification.origin is not None
    return Path(specification.origin).parent


def iter_identifiers(tree: ast.AST) -> Iterator[str]:
    """Yield every name, attribute, argument, keyword, function and class of a syntax tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.arg or ""
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


def count_calls(tree: ast.AST, function: str) -> int:
    """Return how often a syntax tree calls a function or method of that name."""
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return sum(getattr(call, "id", getattr(call, "attr", "")) == function for call in calls)


def list_classes(tree: ast.AST) -> dict[str, list[str]]:
    """Return the classes of a syntax tree, each with the names of its bases."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return {node.name: [ast.unparse(base) for base in node.bases] for node in classes}


def _find_file(module: str) -> Path:
    # A submodule is found by its path, because finding its specification would import its parents.
    name, *rest = module.split(".")
    path = find_package_folder(name).joinpath(*rest)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
