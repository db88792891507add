"""The state of a running training: model, optimiser and history, saved to resume an interrupted training."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from samgap.io.files import atomic_write

PROGRESS_FIELDS = ("step", "history", "loss_sums", "n_summed", "n_skipped", "n_skipped_in_row")
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

    def restore(self, path: Path, device: str) -> bool:
        """Load the state saved in `path` and return True, or False if there is none of this recipe."""
        saved = torch.load(path, map_location=device, weights_only=True) if path.is_file() else {}
        if saved.get("recipe") != self.recipe:
            return False
        self.model.load_state_dict(saved["model"])
        self.auxiliary_heads.load_state_dict(saved["auxiliary_heads"])
        self.optimiser.load_state_dict(saved["optimiser"])
        for name in PROGRESS_FIELDS:
            setattr(self, name, saved[name])
        return True

    def save(self, path: Path) -> None:
        """Write the state to `path`, atomically."""
        content = {
            "model": self.model.state_dict(),
            "auxiliary_heads": self.auxiliary_heads.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "recipe": self.recipe,
            **{name: getattr(self, name) for name in PROGRESS_FIELDS},
        }
        with atomic_write(path) as temporary:
            torch.save(content, temporary)

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

    def add_history(self, values: Mapping[str, float], lr: float) -> None:
        """Append rows for values of the current step (mean losses or validation scores), by name."""
        self.history += [
            {"step": self.step, "term": name, "value": float(value), "learning_rate": lr}
            for name, value in sorted(values.items())
        ]
