"""A hash of the package's own code that a rule uses, so that an edit reruns just what it touches."""

import ast
import functools
import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parent


def modules(name: str) -> set[str]:
    """`name` (say `samgap.metrics.iou`, or a package: all of it) and all of samgap that it imports."""
    found: set[str] = set()
    queue = list(_files(name))
    while queue:
        module = queue.pop()
        if module not in found:
            found.add(module)
            queue.extend(_imports(module))
    return found


@functools.cache
def code_hash(*names: str) -> str:
    """The first 16 hex digits of the SHA-256 over the source of `names` and all that they import."""
    digest = hashlib.sha256()
    for module in sorted(set().union(*map(modules, names))):
        digest.update(module.encode() + b"\0" + _path(module).read_bytes())
    return digest.hexdigest()[:16]


def _path(module: str) -> Path:
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def _files(name: str) -> list[str]:
    base = PACKAGE.joinpath(*name.split(".")[1:])
    if base.is_dir() and name != "samgap":
        return [name, *(f"{name}.{file.stem}" for file in sorted(base.glob("*.py")) if file.stem != "__init__")]
    return [name]


@functools.cache
def _imports(module: str) -> tuple[str, ...]:
    found = []
    for node in ast.walk(ast.parse(_path(module).read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found += [name for name in names if name.split(".")[0] == "samgap" and _path(name).is_file()]
    return tuple(found)
