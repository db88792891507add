"""The choice of the weights that a training keeps, and its early end."""

import numpy as np
import pytest
import torch

from samgap.training import loop
from samgap.training.selection import Selection
from samgap.training.tasks import Score
from tests.helpers.linear_task import LinearTask, copy_weights

OPTIONS = {"steps": 12, "learning-rate": 0.05, "warm-up": 2, "validate-every": 2}


class ScoredTask(LinearTask):
    """A task whose validations have given scores."""

    target_score = "val_score"

    def __init__(self, scores):
        super().__init__()
        self.scores, self.weights = list(scores), []

    def validate(self):
        self.weights.append(copy_weights(self))
        return {"val_score": Score(self.scores[len(self.weights) - 1])}


def train(folder, scores, **options):
    task = ScoredTask(scores)
    return task, loop.train(task, {**OPTIONS, **options}, 3, "cpu", folder / "state.pt", {})


def test_the_best_weights_are_kept_and_the_last_are_the_model_s(tmp_path):
    task, result = train(tmp_path, [0.1, 0.5, 0.4, np.nan, 0.5, 0.3])
    assert all(torch.equal(value, task.weights[-1][name]) for name, value in copy_weights(task).items())
    assert [path.name for path in tmp_path.glob("best-*.pt")] == ["best-4.pt"]
    assert result.selection.load_best(task.model, "cpu") == 4
    assert all(torch.equal(value, task.weights[1][name]) for name, value in copy_weights(task).items())
    result.selection.remove_files()
    assert not list(tmp_path.glob("best-*.pt"))


@pytest.mark.parametrize(("patience", "last_step"), [(2, 8), (3, 10), (9, 12)])
def test_a_training_ends_early_without_better_scores(tmp_path, patience, last_step):
    _, result = train(tmp_path, [0.1, 0.5, 0.4, 0.5, 0.3, 0.2], **{"early-stop": patience})
    assert max(row["step"] for row in result.history) == last_step
    # Started again, the state says that it has ended.
    task = ScoredTask([])
    again = loop.train(task, {**OPTIONS, "early-stop": patience}, 3, "cpu", tmp_path / "state.pt", {})
    assert again.history == result.history


def test_the_best_weights_survive_an_interruption(tmp_path):
    task = ScoredTask([0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
    compute_batch_losses, calls = task.compute_batch_losses, []

    def interrupt(batch, rng):
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return compute_batch_losses(batch, rng)

    task.compute_batch_losses = interrupt
    with pytest.raises(KeyboardInterrupt):
        loop.train(task, OPTIONS, 3, "cpu", tmp_path / "state.pt", {})
    resumed = ScoredTask([0.2, 0.1, 0.0])
    result = loop.train(resumed, OPTIONS, 3, "cpu", tmp_path / "state.pt", {})
    assert result.selection.load_best(resumed.model, "cpu") == 2
    assert all(torch.equal(value, task.weights[0][name]) for name, value in copy_weights(resumed).items())


def test_the_last_weights_are_kept_if_asked_for_or_without_a_score(tmp_path):
    _, result = train(tmp_path, [0.5, 0.4, 0.3, 0.2, 0.1, 0.0], keep="last")
    assert result.selection.load_best(torch.nn.Linear(1, 1), "cpu") is None
    selection = Selection(tmp_path, "val_other")
    selection.update({"val_score": Score(0.5)}, 1, torch.nn.Linear(1, 1))
    assert not selection.best and not selection.should_stop(1)
