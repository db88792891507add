"""Plug-ins by id: the file of a kind of data set, a kind of prompts, a family, a metric, a figure or a table.

Files are parsed and not imported, so planning needs neither NumPy nor torch. The id `orchard-sim` means the
module `orchard_sim.py` or the package `orchard_sim/`. A module is a plug-in if it defines the name that `MARKERS` has
for its stage; the other modules of the folder are helpers.
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
"""Stage -> the top-level name that each of its plug-ins defines."""
PLUGIN_KEYS = {
    "datasets": ("datasets", "kind"),
    "prompts": ("prompts", "kind"),
    "models": ("models", "family"),
    "training": ("trainings", "family"),
    "demo_models": ("trainings", "method"),
}
"""Stage -> (the section of the configuration whose entries name its plug-ins, the key that names them)."""
PAPER_FOLDERS = ("src/samgap/paper",)
"""Folders with the sub-folders `figures` and `tables`, one module for each id."""
REPLACED_METRICS = {"precision-iou-50": "precision", "recall-iou-50": "recall", "f1-iou-50": "f1-50"}
"""Removed metric id -> the id of the same metric."""


def to_module_name(id: str) -> str:
    """Return the name of an id's Python module: `orchard_sim` for `orchard-sim`."""
    return id.replace("-", "_")


def list_plugins(root: Path, stage: str) -> dict[str, Path]:
    """Return id -> file of all plug-ins of a stage, sorted by id. `root` is the root of the repository."""
    folder = root / "src" / "samgap" / stage
    files = {path.stem: path for path in folder.glob("*.py")} | {
        path.parent.name: path for path in folder.glob("*/__init__.py")
    }
    plugins = {
        name.replace("_", "-"): file for name, file in files.items() if MARKERS[stage] in list_top_level_names(file)
    }
    return dict(sorted(plugins.items()))


def list_paper_items(root: Path, section: str) -> dict[str, Path]:
    """Return id -> file of all figures or tables (`section` is `figures` or `tables`), sorted by id."""
    files = [file for folder in PAPER_FOLDERS for file in (root / folder / section).glob("[!_]*.py")]
    return dict(sorted((file.stem.replace("_", "-"), file) for file in files))


def get_paper_item_file(section: str, id: str) -> Path:
    """Return the file of a figure or table in PAPER_FOLDERS[0], relative to the root of the repository."""
    return Path(PAPER_FOLDERS[0]) / section / f"{to_module_name(id)}.py"


def read_literals(file: Path, *names: str) -> dict[str, Any]:
    """Return name -> value of the names to which the module `file` assigns a literal at its top level."""
    literals: dict[str, Any] = {}
    for node in _parse(file.read_text(encoding="utf-8")).body:
        value = getattr(node, "value", None)
        for name in _list_assigned_names(node) & set(names):
            with contextlib.suppress(ValueError):
                literals[name] = ast.literal_eval(value) if value is not None else None
    return literals


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


def explain_missing_metric(metric_id: str) -> str:
    """Return the part of a message with the reason why no metric has this id, and the correction."""
    if metric_id in REPLACED_METRICS:
        return f"is dropped; write `{REPLACED_METRICS[metric_id]}`, which is the same metric"
    file = f"src/samgap/metrics/{to_module_name(metric_id)}.py"
    return f"has no file {file}; correct the id or add the file"


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


def get_training_module(training: Mapping[str, Any]) -> str:
    """Return the dotted name of the module that trains an entry of `trainings`: of its method, or else its family."""
    if "method" in training:
        return f"samgap.demo_models.{to_module_name(training['method'])}"
    return f"samgap.training.{to_module_name(training['family'])}"
