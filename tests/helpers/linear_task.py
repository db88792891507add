"""A training task without a network of a family: it fits a line to random points."""

import numpy as np
import torch

from samgap.training.tasks import Batch, Score


class LinearTask:
    """Fits a line to random points.

    A batch has 1 to 16 points. The loss is a sum over them, divided by their number.
    """

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
        self.auxiliary_heads = torch.nn.Linear(1, 1)

    def sample_batch(self, rng):
        n_points = int(rng.integers(1, 17))
        points = torch.from_numpy(rng.normal(size=(n_points, 2)).astype(np.float32)) + torch.rand(2) / 10
        return Batch(points, [f"orchard/{n_points}.png"], float(n_points))

    def compute_batch_losses(self, batch, rng):
        points = batch.data
        error = (self.auxiliary_heads(self.model(points))[:, 0] - points.sum(1)).square().sum()
        return {"total": error / batch.n_targets, "noise": torch.rand(())}

    def validate(self):
        return {"val_score": Score(sum(value.sum() for value in self.model.parameters()).item())}


def copy_weights(task):
    """Return copies of the weights of a task's model, by name."""
    return {name: value.clone() for name, value in task.model.state_dict().items()}
