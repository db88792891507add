"""Modules of a folder and the literals that they define, read from their syntax trees without an import.

Scripts of rules use these functions, so an edit here reruns jobs; an edit of `samgap.config.plugins` does not.
"""

import ast
import contextlib
import functools
from pathlib import Path
from typing import Any


def to_module_name(id: str) -> str:
    """Return the name of an id's Python module: `orchard_sim` for `orchard-sim`."""
    return id.replace("-", "_")


def list_modules(folder: Path, marker: str) -> dict[str, Path]:
    """Return id -> file of the modules and packages in `folder` whose top level defines `marker`, sorted by id."""
    files = {path.stem: path for path in folder.glob("*.py")} | {
        path.parent.name: path for path in folder.glob("*/__init__.py")
    }
    modules = {name.replace("_", "-"): file for name, file in files.items() if marker in list_top_level_names(file)}
    return dict(sorted(modules.items()))


def list_metrics(folder: Path) -> dict[str, tuple[str, str]]:
    """Return metric id -> (module name, variant) of the modules in `folder` that define `METRICS`, sorted by id."""
    metrics: dict[str, tuple[str, str]] = {}
    for file in folder.glob("*.py"):
        if "METRICS" not in list_top_level_names(file):
            continue
        stem = file.stem.replace("_", "-")
        for variant in read_literals(file, "VARIANTS").get("VARIANTS") or ("",):
            metrics[f"{stem}-{variant}" if variant else stem] = (file.stem, variant)
    return dict(sorted(metrics.items()))


def read_literals(file: Path, *names: str) -> dict[str, Any]:
    """Return the values of those of `names` that the module `file` assigns a literal at its top level."""
    literals: dict[str, Any] = {}
    for node in _parse(file.read_text(encoding="utf-8")).body:
        value = getattr(node, "value", None)
        for name in _list_assigned_names(node) & set(names):
            with contextlib.suppress(ValueError):
                literals[name] = ast.literal_eval(value) if value is not None else None
    return literals


def list_top_level_names(file: Path) -> set[str]:
    """Return the names that a module defines, assigns or imports at its top level."""
    names: set[str] = set()
    for node in _parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        else:
            names |= _list_assigned_names(node)
    return names


@functools.cache
def _parse(source: str) -> ast.Module:
    return ast.parse(source)


def _list_assigned_names(node: ast.stmt) -> set[str]:
    """Return the names that a statement assigns."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}
