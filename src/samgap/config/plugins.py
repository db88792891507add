"""Plug-ins by id: the file of a kind of data set, a kind of prompts, a family, a metric, a figure or a table.

Files are parsed and not imported, so planning needs neither NumPy nor torch. The id `orchard-sim` means the
module `orchard_sim.py` or the package `orchard_sim/`. A module is a plug-in if it defines the name that `MARKERS` has
for its stage; the other modules of the folder are helpers.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.config import prompt_kinds
from samgap.config.module_literals import list_modules, list_top_level_names, read_literals, to_module_name
from samgap.config.schema import suggest
from samgap.errors import UserError

MARKERS = {
    "datasets": "iter_images",
    "prompts": prompt_kinds.MARKER,
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
PAPER_FOLDER = "src/samgap/paper"
"""The folder, relative to the root, with the sub-folders `figures` and `tables`: one module for each id."""
PAPER_INPUTS = (
    *("estimates", "comparisons", "rank_correlations", "confusions", "score_thresholds"),
    *("history", "inventory", "probes", "claims"),
    *("pairs", "instances", "overlaps", "masks", "timing"),
)
"""The names that `INPUTS` of a figure's or table's module may have; rules/functions/paper.smk has their paths."""

REPLACED_METRICS = {"precision-iou-50": "precision", "recall-iou-50": "recall", "f1-iou-50": "f1-50"}
"""Removed metric id -> the id of the same metric."""


def list_plugins(root: Path, stage: str) -> dict[str, Path]:
    """Return id -> file of all plug-ins of a stage, sorted by id. `root` is the root of the repository."""
    return list_modules(root / "src" / "samgap" / stage, MARKERS[stage])


def find_plugin_file(root: Path, stage: str, plugin: str) -> Path:
    """Return the file of a plug-in: a module, or the `__init__.py` of a package."""
    base = root / "src" / "samgap" / stage / to_module_name(plugin)
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def list_paper_items(root: Path, section: str) -> dict[str, Path]:
    """Return id -> file of all figures or tables (`section` is `figures` or `tables`), sorted by id."""
    files = (root / PAPER_FOLDER / section).glob("[!_]*.py")
    return dict(sorted((file.stem.replace("_", "-"), file) for file in files))


def get_paper_item_file(section: str, id: str) -> Path:
    """Return the file of a figure or table, relative to the root of the repository."""
    return Path(PAPER_FOLDER) / section / f"{to_module_name(id)}.py"


def read_paper_inputs(root: Path, section: str, id: str) -> tuple[str, ...]:
    """Return the names in the literal `INPUTS` of a figure's or table's module; none if it has no such literal.

    Raises:
        UserError: `INPUTS` is not a literal tuple of names in PAPER_INPUTS.
    """
    file = list_paper_items(root, section)[id]
    if "INPUTS" not in list_top_level_names(file):
        return ()
    inputs, module_path = read_literals(file, "INPUTS").get("INPUTS"), file.relative_to(root)
    if not isinstance(inputs, tuple | list):
        raise UserError(f'{module_path}: INPUTS is not a literal tuple of names; write INPUTS = ("comparisons",)')
    for name in inputs:
        if name not in PAPER_INPUTS:
            raise UserError(f"{module_path}: INPUTS names {name!r}; {suggest(str(name), PAPER_INPUTS)}")
    return tuple(inputs)


def explain_missing_metric(metric_id: str) -> str:
    """Return why no metric has an id of REPLACED_METRICS, and what to write instead."""
    return f"is dropped; write `{REPLACED_METRICS[metric_id]}`, which is the same metric"


def get_training_module(training: Mapping[str, Any]) -> str:
    """Return the dotted name of the module that trains an entry of `trainings`: of its method, or else its family."""
    if "method" in training:
        return f"samgap.demo_models.{to_module_name(training['method'])}"
    return f"samgap.training.{to_module_name(training['family'])}"
