"""The choice of the weights that a training keeps: the best by a validation score, or the last."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from samgap.io.files import atomic_write
from samgap.training.tasks import Score


@dataclass
class Selection:
    """The best weights so far, in a file of their own beside the saved state.

    The file has the step in its name. An older one is removed only after the state that names the newer one is saved,
    so that a state and the best weights that it names are always there together.
    """

    folder: Path
    target: str | None  # the score; None: there is none, and the last weights are kept
    best: dict[str, Any] = field(default_factory=dict)  # `step`, `value` and `n_worse`, the validations since

    def update(self, scores: Mapping[str, Score], step: int, model: torch.nn.Module) -> None:
        """Note the scores of a validation, and write the weights if they are the best so far."""
        if self.target is None or self.target not in scores:
            return
        value = scores[self.target].value
        if math.isnan(value):
            return
        if self.best and value <= self.best["value"]:
            self.best["n_worse"] += 1
            return
        self.best = {"step": step, "value": value, "n_worse": 0}
        with atomic_write(self._get_path(step)) as temporary:
            torch.save(get_trained_weights(model), temporary)

    def should_stop(self, patience: int | None) -> bool:
        """Return whether the last `patience` validations were no better than the best one before."""
        return bool(patience and self.best and self.best["n_worse"] >= patience)

    def remove_older_files(self) -> None:
        """Remove the weights that are no longer the best. The state is saved before."""
        for path in self.folder.glob("best-*.pt"):
            if not self.best or path != self._get_path(self.best["step"]):
                path.unlink()

    def load_best(self, model: torch.nn.Module, device: str) -> int | None:
        """Load the best weights into a model and return their step; without any, return None."""
        if not self.best:
            return None
        saved = torch.load(self._get_path(self.best["step"]), map_location=device, weights_only=True)
        model.load_state_dict({**model.state_dict(), **saved})
        return int(self.best["step"])

    def remove_files(self) -> None:
        """Remove all files of this class, at the end of a training."""
        for path in self.folder.glob("best-*.pt"):
            path.unlink()

    def _get_path(self, step: int) -> Path:
        return self.folder / f"best-{step}.pt"


def get_frozen_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the parameters that are not trained, by their name in the state of the model."""
    frozen = {name for name, value in model.named_parameters(remove_duplicate=False) if not value.requires_grad}
    return {name: value for name, value in model.state_dict().items() if name in frozen}


def get_trained_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the parameters that are trained, and the buffers, by their name in the state of the model."""
    frozen = get_frozen_weights(model)
    return {name: value for name, value in model.state_dict().items() if name not in frozen}
