"""The state of a running training: model, optimiser and history, saved to resume an interrupted training."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from samgap.errors import UserError
from samgap.io.files import atomic_write
from samgap.training.selection import get_frozen_weights, get_trained_weights
from samgap.training.tasks import Score

PROGRESS_FIELDS = ("step", "history", "loss_sums", "n_summed", "n_skipped", "n_skipped_in_row", "best", "cost")
"""Fields of `TrainingState` that are saved as they are."""


@dataclass
class TrainingState:
    """A training after `step` steps."""

    model: torch.nn.Module
    auxiliary_heads: torch.nn.Module  # trained together with the model and not saved in its weights
    optimiser: torch.optim.Optimizer
    recipe: str  # identifies the training; a saved state of another recipe is ignored
    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)  # rows of the table `history`
    loss_sums: dict[str, float] = field(default_factory=dict)  # by loss term, since the last row of the history
    n_summed: int = 0  # steps in these sums
    n_skipped: int = 0  # steps without losses since the last row of the history
    n_skipped_in_row: int = 0  # steps without losses since the last step with them
    average: dict[str, torch.Tensor] = field(default_factory=dict)  # moving averages of weights
    best: dict[str, Any] = field(default_factory=dict)  # the best validation so far (`samgap.training.selection`)
    cost: dict[str, float] = field(default_factory=lambda: {"hours": 0.0, "peak_memory_gb": 0.0})

    def restore(self, path: Path, device: str) -> bool:
        """Load the state saved in `path` and return True, or False if there is none of this recipe."""
        saved = torch.load(path, map_location=device, weights_only=True) if path.is_file() else {}
        if saved.get("recipe") != self.recipe:
            return False
        self.model.load_state_dict({**get_frozen_weights(self.model), **saved["model"]})
        self.auxiliary_heads.load_state_dict(saved["auxiliary_heads"])
        self.optimiser.load_state_dict(saved["optimiser"])
        for name, value in self.average.items():
            value.copy_(saved["average"][name])
        for name in PROGRESS_FIELDS:
            setattr(self, name, saved[name])
        return True

    def save(self, path: Path) -> None:
        """Write the state to `path`, atomically. Frozen weights, which the training starts with, are left out.

        Raises:
            UserError: the file cannot be written, for example because the disk is full; the previous one remains.
        """
        content = {
            "model": get_trained_weights(self.model),
            "auxiliary_heads": self.auxiliary_heads.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "recipe": self.recipe,
            **{name: getattr(self, name) for name in PROGRESS_FIELDS},
        }
        try:
            with atomic_write(path) as temporary:
                _save_tensors(content, temporary)
        except OSError as error:
            remaining = "that of an earlier step remains" if path.is_file() else "there is none of an earlier step"
            raise UserError(
                f"{path}: the state of the training at step {self.step} cannot be written ({error.strerror}), and "
                f"{remaining}; free space on the disk and start the run again, which goes on from there"
            ) from error

    def add_losses(self, terms: Mapping[str, float] | None) -> None:
        """Count one step, and add its loss terms to the sums; None stands for a skipped step."""
        self.step += 1
        if terms is None:
            self.n_skipped += 1
            self.n_skipped_in_row += 1
            return
        self.n_summed += 1
        self.n_skipped_in_row = 0
        sums = defaultdict(float, self.loss_sums)
        for name, value in terms.items():
            sums[name] += value
        self.loss_sums = dict(sums)

    def pop_mean_losses(self) -> dict[str, float]:
        """Return the means of the loss terms since the last call, and start new ones.

        The number of skipped steps is added as `skipped_steps` if there are any.
        """
        means = {name: value / self.n_summed for name, value in self.loss_sums.items()}
        if self.n_skipped:
            means["skipped_steps"] = float(self.n_skipped)
        self.loss_sums, self.n_summed, self.n_skipped = {}, 0, 0
        return means

    def add_cost(self, seconds: float, peak_memory_bytes: int) -> None:
        """Add the time of a step, and note the memory if it is the most so far."""
        self.cost["hours"] += seconds / 3600
        self.cost["peak_memory_gb"] = max(self.cost["peak_memory_gb"], peak_memory_bytes / 1e9)

    def add_history(self, values: Mapping[str, float | Score], lr: float) -> None:
        """Append rows for values of the current step (mean losses or validation scores), by name."""
        for name, value in sorted(values.items()):
            score = value if isinstance(value, Score) else Score(float(value))
            self.history.append(
                {
                    "step": self.step,
                    "term": name,
                    "value": score.value,
                    "learning_rate": lr,
                    "lower": score.lower,
                    "upper": score.upper,
                    "n": score.n,
                }
            )


def _save_tensors(content: Mapping[str, Any], path: Path) -> None:
    """Write with `torch.save`.

    Raises:
        OSError: the file cannot be written. With a path instead of a stream torch raises a RuntimeError of its own.
    """
    with open(path, "wb") as stream:
        torch.save(content, stream)
