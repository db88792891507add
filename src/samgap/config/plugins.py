"""Plug-ins by id: the module of a kind of data set, kind of prompt, model family or metric, found by its file.

Files are parsed and never imported, so a plan needs neither NumPy nor torch. An id `orchard-sim` is the module
`orchard_sim.py`, or the package `orchard_sim/`. A module is a plug-in if it defines the name that its stage asks for
(`MARKERS`); every other module of the folder is a helper.
"""

import ast
import contextlib
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARKERS = {
    "datasets": "iter_images",
    "prompts": "generate_prompts",
    "models": "KINDS",
    "training": "open_task",
    "demo_models": "open_task",
}
"""Stage -> the top-level name by which a module is one of its plug-ins."""


def module_name(id: str) -> str:
    """The Python module's name of an id: `orchard-sim` is in orchard_sim.py."""
    return id.replace("-", "_")


def list_plugins(root: Path, stage: str) -> dict[str, Path]:
    """Id -> file of all plug-ins of a stage, sorted by id. `root` is the root of the repository."""
    folder = root / "src" / "samgap" / stage
    files = {path.stem: path for path in folder.glob("*.py")} | {
        path.parent.name: path for path in folder.glob("*/__init__.py")
    }
    plugins = {name.replace("_", "-"): file for name, file in files.items() if MARKERS[stage] in _names(file)}
    return dict(sorted(plugins.items()))


def read_literals(file: Path, *names: str) -> dict[str, Any]:
    """The values of those of `names` that are assigned a literal at the top level of `file`."""
    literals: dict[str, Any] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        value = getattr(node, "value", None)
        for name in _assigned(node) & set(names):
            with contextlib.suppress(ValueError):
                literals[name] = ast.literal_eval(value) if value is not None else None
    return literals


def list_metrics(folder: Path) -> dict[str, tuple[str, str]]:
    """Metric id -> (its module's name, its variant) of all metrics in `folder`, sorted."""
    metrics: dict[str, tuple[str, str]] = {}
    for file in folder.glob("[!_]*.py"):
        stem = file.stem.replace("_", "-")
        for variant in read_literals(file, "VARIANTS").get("VARIANTS") or ("",):
            metrics[f"{stem}-{variant}" if variant else stem] = (file.stem, variant)
    return dict(sorted(metrics.items()))


@functools.cache
def _names(file: Path) -> frozenset[str]:
    """Names that are defined, assigned or imported at the top level of a module."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        else:
            names |= _assigned(node)
    return frozenset(names)


def _assigned(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def training_module(training: Mapping[str, Any]) -> str:
    """Return the dotted name of the module that trains an entry of `trainings`: of its method, or else its family."""
    if "method" in training:
        return f"samgap.demo_models.{module_name(training['method'])}"
    return f"samgap.training.{module_name(training['family'])}"
