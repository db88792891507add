"""The weights that a training starts from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from samgap.download.damaged import TRAINING_RULE
from samgap.io.files import read_json
from samgap.models.runtime.weights import SAME_KEYS, KeyLayout, load_weights, read_weights


@dataclass(frozen=True)
class StartWeights:
    """A weights file and its card."""

    path: Path
    card: Mapping[str, Any]

    @classmethod
    def read(cls, path: str | Path, card_path: str | Path) -> "StartWeights":
        """Return a weights file with the content of its `checkpoint.json`."""
        return cls(Path(path), read_json(card_path))

    @property
    def why_unavailable(self) -> str | None:
        """Why there are no weights, such as no access to a gated model; None if there are."""
        return None if self.card["status"] == "available" else f"weights not available ({self.card['why']})"

    @property
    def rule(self) -> str:
        """The rule that wrote the file."""
        return TRAINING_RULE if self.card.get("source") == f"training {self.card.get('model')}" else "checkpoint"

    def describe(self) -> dict[str, Any]:
        """Return what a card says about them: `model` (its id, or that of a training), `source`, `sha256`, `size`."""
        return {key: self.card.get(key) for key in ("model", "source", "sha256", "size")}


def load_start(task: Any, start: StartWeights) -> None:
    """Load the weights that a training starts from into the model of its task.

    Args:
        task: a task (`samgap.training.tasks.Task`).
        start: the weights.

    Raises:
        UserError: they are not those of the model.
    """
    content, source = read_weights(start.path), str(start.path)
    if hasattr(task, "load_start"):
        task.load_start(content, source)
        return
    spare, layouts = getattr(task, "spare_keys", None), get_task_layouts(task)
    load_weights(task.model, content, source, strict=spare is None, layouts=layouts, spare=spare)


def get_task_layouts(task: Any) -> Sequence[KeyLayout]:
    """Return how the keys of a task's weights files differ from those of its model; the published layout is first."""
    layouts: Sequence[KeyLayout] = getattr(task, "key_layouts", (SAME_KEYS,))
    return layouts


def list_parameter_keys(model: torch.nn.Module) -> list[str]:
    """Return the keys of a model's parameters in its state dict."""
    return [name for name, _ in model.named_parameters(remove_duplicate=False)]
