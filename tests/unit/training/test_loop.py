"""The training loop: schedule, resuming, frozen parts, and steps whose gradients are not finite."""

import itertools

import numpy as np
import pytest
import torch

from samgap.errors import UserError
from samgap.training import loop
from samgap.training.batches import seed_generators
from tests.helpers.linear_task import LinearTask, copy_weights

OPTIONS = {"steps": 8, "learning-rate": 0.05, "warm-up": 2, "validate-every": 4}


def train(task, folder, recipe=1, **options):
    return loop.train(task, OPTIONS | options, 3, "cpu", folder / "state.pt", {"recipe": recipe}).history


@pytest.mark.parametrize("report_every", [2, 3, 50])
def test_an_interrupted_training_resumes_with_the_same_history_and_weights(tmp_path, monkeypatch, report_every):
    monkeypatch.setattr(loop, "REPORT_EVERY", report_every)
    (tmp_path / "uninterrupted").mkdir()
    uninterrupted = LinearTask()
    history = train(uninterrupted, tmp_path / "uninterrupted")
    interrupted = LinearTask()
    compute_batch_losses, calls = interrupted.compute_batch_losses, []

    def interrupt_step_seven(batch, rng):
        if len(calls) == 6:
            raise KeyboardInterrupt
        calls.append(rng)
        return compute_batch_losses(batch, rng)

    interrupted.compute_batch_losses = interrupt_step_seven
    with pytest.raises(KeyboardInterrupt):
        train(interrupted, tmp_path)
    resumed = LinearTask()
    assert train(resumed, tmp_path) == history
    for name, value in copy_weights(uninterrupted).items():
        assert torch.equal(value, copy_weights(resumed)[name]), name


def test_the_history_has_mean_losses_and_validation_scores(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_EVERY", 3)
    history = train(LinearTask(), tmp_path)
    assert [row["step"] for row in history if row["term"] == "total"] == [3, 6, 8]
    assert [row["step"] for row in history if row["term"] == "val_score"] == [4, 8]
    noise = next(row["value"] for row in history if (row["step"], row["term"]) == (6, "noise"))
    values = []
    for step in (3, 4, 5):
        seed_generators(3, step, 0)
        values.append(float(torch.rand(())))
    assert noise == pytest.approx(np.mean(values))


def test_a_state_of_another_recipe_is_ignored(tmp_path):
    train(LinearTask(), tmp_path, recipe=1)
    task = LinearTask()
    before = copy_weights(task)
    train(task, tmp_path, recipe=2)
    # If the finished state had been loaded, there would be no steps left.
    after = copy_weights(task)
    assert any(not torch.equal(before[name], after[name]) for name in before)
    retrained = LinearTask()
    train(retrained, tmp_path, recipe=2)
    assert all(torch.equal(value, after[name]) for name, value in copy_weights(retrained).items())


def test_frozen_parts_keep_their_weights(tmp_path):
    task = LinearTask()
    before = copy_weights(task)
    train(task, tmp_path, frozen=["0"])
    after = copy_weights(task)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"1.weight", "1.bias"}


@pytest.mark.parametrize(
    ("frozen", "message"),
    [
        (["0", "1.w"], "frozen names '1.w', which the model does not have; its parts are 0, 1"),
        (["0", "1"], "frozen names all of the model"),
    ],
)
def test_frozen_parts_that_are_unknown_or_everything_are_an_error(tmp_path, frozen, message):
    with pytest.raises(UserError, match=message):
        train(LinearTask(), tmp_path, frozen=frozen)


def break_steps(task, is_broken):
    """Make the gradients of the steps infinite for whose number, from 1, `is_broken` is true; the losses are finite."""
    compute_batch_losses, numbers = task.compute_batch_losses, itertools.count(1)

    def compute_broken(batch, rng):
        losses = compute_batch_losses(batch, rng)
        if not is_broken(next(numbers)):
            return losses
        root = (losses["total"] * 0).sqrt()  # 0, with an infinite derivative
        return {**losses, "total": losses["total"] + root}

    task.compute_batch_losses = compute_broken


def test_a_step_with_infinite_gradients_changes_no_weight_and_is_counted(tmp_path, caplog):
    task, expected = LinearTask(), LinearTask()
    train(expected, tmp_path, recipe=1, steps=7, schedule=OPTIONS["steps"])
    break_steps(task, lambda number: number == 8)
    history = train(task, tmp_path, recipe=2)
    assert all(torch.equal(value, copy_weights(expected)[name]) for name, value in copy_weights(task).items())
    assert [row["value"] for row in history if row["term"] == "skipped_steps"] == [1.0]
    assert all(np.isfinite(row["value"]) for row in history)
    assert "step 8: a gradient is not finite" in caplog.text


@pytest.mark.parametrize(("n_steps", "n_last"), [(1, 1), (30, 15)])
def test_a_training_whose_steps_have_no_finite_gradients_stops(tmp_path, n_steps, n_last):
    task = LinearTask()
    break_steps(task, lambda number: number > 5 or n_steps == 1)
    count = min(n_steps, loop.MAX_SKIPPED_STEPS)
    message = f"the gradients of the last {count} steps, up to step {n_last} of {n_steps}, .*try a lower learning-rate"
    with pytest.raises(UserError, match=message):
        train(task, tmp_path, steps=n_steps)


def test_many_skipped_steps_that_are_not_in_a_row_do_not_stop_a_training(tmp_path):
    task = LinearTask()
    break_steps(task, lambda number: number % 5)
    history = train(task, tmp_path, steps=60)
    assert sum(row["value"] for row in history if row["term"] == "skipped_steps") == 48
