"""Hashes of the code that a rule's script runs, so an edit reruns only the rules that depend on the edited code.

Imports are followed in syntax trees: of the script, of the modules of samgap that it imports at any level, and so on.
Comments, docstrings, formatting and `OPTIONS`, the schema of a plug-in's options, are not part of a hash. A module
whose name is computed at run time (a plug-in that the configuration names) has to be passed by the caller: see
`samgap.jobs.plugin_modules`.
"""

import ast
import functools
import hashlib
import re
import sys
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

PACKAGE_DIR = Path(__file__).parents[1]
"""The folder src/samgap."""


class SourceSummary(NamedTuple):
    """The content of a source file that is part of a hash, and its imports."""

    digest: bytes
    """SHA-256 of the syntax tree without docstrings and `OPTIONS`."""
    on_import: tuple[str, ...]
    """Dotted names imported when the module itself is imported: outside of functions."""
    on_call: tuple[str, ...]
    """Dotted names imported within functions, or passed to `import_module` as a literal."""


@functools.cache
def hash_script(script: str, *plugin_modules: str, without: tuple[str, ...] = ()) -> str:
    """Hash a script and all modules of samgap that it can import.

    Args:
        script: path of the script, relative to the root of the repository
        plugin_modules: dotted names of modules that the script imports under a computed name
        without: dotted names of modules that this use of the script does not import

    Returns:
        16 hexadecimal digits.
    """
    summary, imports = _summarize_script(script)
    return _combine_digests({script: summary.digest} | _digest_modules(*imports, *plugin_modules, without=without))


@functools.cache
def find_imported_packages(script: str, *plugin_modules: str, without: tuple[str, ...] = ()) -> frozenset[str]:
    """Return the packages other than samgap that a script can import, by the first part of their name (`PIL`).

    The arguments are those of `hash_script`. Python's own modules are left out.
    """
    summary, imports = _summarize_script(script)
    modules = find_imported_modules(*imports, *plugin_modules, without=without)
    summaries = [summary, *(_summarize(_read(_get_source_file(module))) for module in modules)]
    names = {name.split(".")[0] for each in summaries for name in (*each.on_import, *each.on_call)}
    return frozenset(names - {"samgap"} - sys.stdlib_module_names)


@functools.cache
def hash_modules(*modules: str) -> str:
    """Hash modules of samgap (dotted names) and all modules of samgap that they can import: 16 hexadecimal digits."""
    return _combine_digests(_digest_modules(*modules))


def find_imported_modules(*modules: str, without: Collection[str] = ()) -> set[str]:
    """Return `modules` (dotted names), the modules of samgap that they can import, and the packages of all of them.

    Modules in `without`, and what only they import, are left out.

    Importing `samgap.models.sam2.image` runs the `__init__.py` of `samgap.models.sam2` as well, but calls none of its
    functions: of a package that is imported only for a module in it, imports within functions are not followed.
    """
    followed: dict[str, bool] = {}  # dotted name -> whether imports within functions are followed too
    queue = [(name, True) for module in modules for name in _resolve_module(module)]
    while queue:
        module, with_functions = queue.pop()
        if module in without or (module in followed and followed[module] >= with_functions):
            continue
        followed[module] = with_functions
        summary = _summarize(_read(_get_source_file(module)))
        names = summary.on_import + (summary.on_call if with_functions else ())
        queue += [(name, True) for imported in names for name in _resolve_module(imported)]
        queue += [(parent, False) for parent in _list_parents(module)]
    return set(followed)


def clear_caches() -> None:
    """Clear the cache of source files, for a process in which source files change."""
    for function in (hash_script, find_imported_packages, hash_modules, _read, _is_module):
        function.cache_clear()


def _summarize_script(script: str) -> tuple[SourceSummary, list[str]]:
    """Return the summary of a script and the names of samgap that it imports."""
    summary = _summarize(_read(PACKAGE_DIR.parents[1] / script))
    return summary, [name for name in (*summary.on_import, *summary.on_call) if name.split(".")[0] == "samgap"]


def _digest_modules(*modules: str, without: tuple[str, ...] = ()) -> dict[str, bytes]:
    names = find_imported_modules(*modules, without=without)
    return {name: _summarize(_read(_get_source_file(name))).digest for name in names}


def _combine_digests(digests: dict[str, bytes]) -> str:
    total = hashlib.sha256()
    for name in sorted(digests):
        total.update(name.encode() + b"\0" + digests[name])
    return total.hexdigest()[:16]


def _get_source_file(module: str) -> Path:
    base = PACKAGE_DIR.joinpath(*module.split(".")[1:])
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


@functools.cache
def _is_module(name: str) -> bool:
    return name.split(".")[0] == "samgap" and _get_source_file(name).is_file()


def _resolve_module(name: str) -> list[str]:
    """Return the module of a dotted name, in a list: `samgap.masks.rle.decode` is in `samgap.masks.rle`."""
    while name and not _is_module(name):
        name = name.rpartition(".")[0]
    return [name] if name else []


def _list_parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


@functools.cache
def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


@functools.cache
def _summarize(source: str) -> SourceSummary:
    tree = ast.parse(source)
    if not any(isinstance(node, ast.Name) and _is_options_read(node) for node in ast.walk(tree)):
        tree.body = [statement for statement in tree.body if not _assigns_options(statement)]
    on_import: list[str] = []
    on_call: list[str] = []
    _collect_imports(tree, on_import, on_call, in_function=False)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [statement for statement in body if not _is_docstring(statement)]  # type: ignore[attr-defined]
    return SourceSummary(hashlib.sha256(ast.dump(tree).encode()).digest(), tuple(on_import), tuple(on_call))


def _assigns_options(statement: ast.stmt) -> bool:
    """Whether a statement assigns `OPTIONS`: they are for the validation of a configuration, not for a job."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [getattr(target, "id", None) for target in targets] == ["OPTIONS"]


def _is_options_read(name: ast.Name) -> bool:
    return name.id == "OPTIONS" and isinstance(name.ctx, ast.Load)


def _is_docstring(statement: ast.AST) -> bool:
    """Return whether a statement is a bare string: a docstring, or the description of the attribute before it."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _collect_imports(node: ast.AST, on_import: list[str], on_call: list[str], in_function: bool) -> None:
    names = on_call if in_function else on_import
    if isinstance(node, ast.Import):
        names += [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        names += [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        if re.fullmatch(r"samgap(\.\w+)+", node.value):
            on_call.append(node.value)
    elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        return  # never runs
    in_function |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        _collect_imports(child, on_import, on_call, in_function)
