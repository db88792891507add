"""Score thresholds of models: the official one, and the cells on whose images others are chosen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.config import capabilities, module_literals, plugins
from samgap.config.cells import Cell
from samgap.config.prompt_kinds import read_prompt_kinds
from samgap.errors import UserError

DEFAULT_SCORE = 0.5
"""Official score threshold of a family whose module has no literal `SCORE_THRESHOLD`."""


def get_official_score(config: Mapping[str, Any], model: str, root: Path) -> float:
    """Return the lowest score at which a mask of the model counts, of prompts that are not spatial.

    It is `statistics.score-threshold` if that is set, else `score-threshold` of the model, else that of its detector,
    else the literal `SCORE_THRESHOLD` of its family's module, else 0.5.

    Args:
        config: A validated configuration.
        model: An id of `models`.
        root: The root of the repository.
    """
    entry = config["models"][model]
    for value in (config["statistics"].get("score-threshold"), entry.get("score-threshold")):
        if value is not None:
            return float(value)
    if "detector" in capabilities.list_components(entry):
        return get_official_score(config, entry["detector"], root)
    file = plugins.list_plugins(root, "models")[entry["family"]]
    return float(module_literals.read_literals(file, "SCORE_THRESHOLD").get("SCORE_THRESHOLD", DEFAULT_SCORE))


def get_validation_cell(config: Mapping[str, Any], model: str) -> Cell | None:
    """Return the cell on which the score threshold of a model is chosen; None if the configuration chooses none."""
    entry = config.get("thresholds")
    if not entry or model not in entry["models"]:
        return None
    return entry["dataset"], model, entry["prompts"]


def uses_chosen_score(config: Mapping[str, Any], cell: Cell, root: Path) -> bool:
    """Return whether the predictions of a cell are also matched at the chosen score threshold.

    Those of the images on which it is chosen are not, because their values would be too high.
    """
    dataset, model, prompts = cell
    validation_cell = get_validation_cell(config, model)
    if validation_cell is None or validation_cell[0] == dataset:
        return False
    return read_prompt_kinds(root)[config["prompts"][prompts]["kind"]].takes_phrase


def validate_thresholds(config: Mapping[str, Any], root: Path) -> None:
    """Raise UserError if the prompts of section `thresholds` are no phrases."""
    entry = config.get("thresholds")
    if not entry:
        return
    kind = config["prompts"][entry["prompts"]]["kind"]
    if not read_prompt_kinds(root)[kind].takes_phrase:
        raise UserError(
            f"config: thresholds.prompts is '{entry['prompts']}' of kind {kind}, which has no phrases; a score "
            "threshold is used for phrases alone, so name a set of phrases"
        )
