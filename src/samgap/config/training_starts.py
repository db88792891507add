"""What a training starts from: random weights, the weights of its model, or those of another training."""

from collections.abc import Mapping
from typing import Any

SCRATCH = "scratch"
"""The value of a training's `start` that stands for random weights, so that no training may have this id."""


def find_start(config: Mapping[str, Any], training: str) -> tuple[str, str] | None:
    """Return the section and the id of the entry whose weights a training starts from; None: from random weights.

    The section is `trainings` for a `start` that names one, and otherwise `models`: the training's own model.

    Args:
        config: a configuration with valid references.
        training: an id of `trainings`.
    """
    entry = config["trainings"][training]
    start = entry.get("start")
    if start == SCRATCH:
        return None
    return ("trainings", start) if start is not None else ("models", entry["model"])


def find_previous_training(config: Mapping[str, Any], training: str) -> str | None:
    """Return the training that makes the initial weights of another one; None if no training does.

    It is named by `start`, or makes the weights of the model.
    """
    start = find_start(config, training)
    if start is None or start[0] == "trainings":
        return start[1] if start else None
    return config["models"][start[1]].get("weights", {}).get("training")
