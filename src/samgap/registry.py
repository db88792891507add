"""The ids of metrics from their files, which are read and not imported: a plan needs no NumPy."""

import ast
from pathlib import Path


def metrics(folder: Path) -> dict[str, tuple[str, str]]:
    """Metric id -> (its module's name, its variant) of all metrics in `folder`, sorted."""
    found: dict[str, tuple[str, str]] = {}
    for file in folder.glob("[!_]*.py"):
        stem = file.stem.replace("_", "-")
        for variant in variants(file) or ("",):
            found[f"{stem}-{variant}" if variant else stem] = (file.stem, variant)
    return dict(sorted(found.items()))


def variants(file: Path) -> tuple[str, ...] | None:
    """The literal `VARIANTS = (…)` of a metric's file, or None."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(at, ast.Name) and at.id == "VARIANTS" for at in node.targets
        ):
            return tuple(ast.literal_eval(node.value))
    return None
