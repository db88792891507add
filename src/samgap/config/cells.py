"""Cells of a configuration: the combinations of a data set, a model and a prompt set that are predicted and matched."""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.config.components import list_components
from samgap.config.sources import list_sources

Cell = tuple[str, str, str]
"""(dataset, model, prompts)"""


def list_cells(config: Mapping[str, Any]) -> list[Cell]:
    """Return all cells that experiments, figures and thresholds need, each once and sorted."""
    return sorted({cell for _, cell in iter_cells(config)})


def iter_cells(config: Mapping[str, Any]) -> Iterator[tuple[str, Cell]]:
    """Yield each cell with the key of the section's entry that needs it (`experiments.boxes`)."""
    for name, entry in config["experiments"].items():
        for dataset in entry["datasets"]:
            for model in entry["models"]:
                for prompts in entry["prompts"]:
                    yield f"experiments.{name}", (dataset, model, prompts)
    for name, entry in config.get("figures", {}).items():
        for side in ("spatial", "concept"):
            if side in entry:
                yield f"figures.{name}.{side}", (entry["dataset"], entry[side]["model"], entry[side]["prompts"])
    thresholds = config.get("thresholds") or {"models": []}
    for model in thresholds["models"]:
        yield "thresholds", (thresholds["dataset"], model, thresholds["prompts"])


def list_referenced_ids(config: Mapping[str, Any], section: str) -> list[str]:
    """Return the ids of a section that a cell or a figure uses, sorted. Sources of data sets are among them.

    Args:
        config: A validated configuration.
        section: `datasets`, `models` or `prompts`. Components of a model that is used are used too.
    """
    position = ("datasets", "models", "prompts").index(section)
    ids = {cell[position] for cell in list_cells(config)}
    if section == "datasets":
        ids |= {entry["dataset"] for entry in config.get("figures", {}).values() if "dataset" in entry}
        ids |= {source for dataset in ids for source in list_sources(config["datasets"], dataset)}
    if section == "models":
        ids |= {component for model in ids for component in list_components(config["models"][model]).values()}
    return sorted(ids)
