"""A hash of the package's own code that a rule uses, so that an edit reruns just what it touches."""

import ast
import functools
import hashlib
from pathlib import Path

PACKAGE_DIR = Path(__file__).parents[1]


def find_imported_modules(name: str) -> set[str]:
    """`name` (say `samgap.metrics.iou`, or a package: all of it) and all of samgap that it imports."""
    found: set[str] = set()
    queue = list(_expand_package(name))
    while queue:
        module = queue.pop()
        if module not in found:
            found.add(module)
            queue.extend(_find_direct_imports(module))
    return found


@functools.cache
def code_hash(*module_names: str) -> str:
    """The first 16 hex digits of the SHA-256 over the source of `names` and all that they import."""
    digest = hashlib.sha256()
    for module in sorted(set().union(*map(find_imported_modules, module_names))):
        digest.update(module.encode() + b"\0" + _source_file(module).read_bytes())
    return digest.hexdigest()[:16]


def _source_file(module: str) -> Path:
    base = PACKAGE_DIR.joinpath(*module.split(".")[1:])
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def _expand_package(name: str) -> list[str]:
    base = PACKAGE_DIR.joinpath(*name.split(".")[1:])
    if base.is_dir() and name != "samgap":
        return [name, *(f"{name}.{file.stem}" for file in sorted(base.glob("*.py")) if file.stem != "__init__")]
    return [name]


@functools.cache
def _find_direct_imports(module: str) -> tuple[str, ...]:
    found = []
    for node in ast.walk(ast.parse(_source_file(module).read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found += [name for name in names if name.split(".")[0] == "samgap" and _source_file(name).is_file()]
    return tuple(found)
