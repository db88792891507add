"""Files of a finished training: weights, history and the card of the checkpoint."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from samgap.io.files import atomic_write, sha256, write_json
from samgap.models.runtime.weights import to_half_precision
from samgap.tables.training import HISTORY


def write_outputs(
    output: Mapping[str, str],
    model: torch.nn.Module,
    history: Sequence[Mapping[str, Any]],
    recipe: Mapping[str, Any],
    *,
    training: str,
    device: str,
) -> None:
    """Write the weights in half precision, the table `history` and the card.

    Args:
        output: Paths by name: `weights`, `history`, `card`.
        model: The trained model.
        history: Rows of the table `history`; those of the last step are repeated on the card.
        recipe: Everything that the training depends on: provenance of the inputs, options, phrases, seed, packages.
        training: Id of the training.
        device: `cpu` or `cuda`.
    """
    weights = Path(output["weights"])
    with atomic_write(weights) as temporary:
        torch.save({"model": to_half_precision(model.state_dict())}, temporary)
    HISTORY.write(output["history"], history, recipe)
    write_json(
        output["card"],
        {
            "model": training,
            "status": "available",
            "why": None,
            "source": f"training {training}",
            "sha256": sha256(weights),
            "size": weights.stat().st_size,
            "device": device,
            "recipe": recipe,
            "final": {row["term"]: row["value"] for row in history if row["step"] == recipe["options"]["steps"]},
        },
    )
