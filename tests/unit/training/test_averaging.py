"""The moving average of weights: its values, its use in validation and as result, and its place in the saved state."""

import pytest
import torch

from samgap.training import loop
from samgap.training.averaging import WeightAverage
from tests.helpers.linear_task import LinearTask, copy_weights

OPTIONS = {"steps": 6, "learning-rate": 0.05, "warm-up": 2, "validate-every": 3}


def test_the_average_moves_by_the_share_that_is_not_kept():
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(1.0)
    average = WeightAverage(model, 0.75)
    model.weight.data.fill_(3.0)
    average.update()
    assert average.values["weight"].item() == pytest.approx(1.5)
    with average.used():
        assert model.weight.item() == pytest.approx(1.5)
    assert model.weight.item() == 3.0


def test_without_a_decay_there_is_no_average():
    model = torch.nn.Linear(1, 1)
    average = WeightAverage(model, None)
    average.update()
    average.swap()
    assert average.values == {}


def test_a_training_ends_with_the_average_which_an_interruption_does_not_change(tmp_path):
    results = []
    for name in ("uninterrupted", "interrupted"):
        (tmp_path / name).mkdir()
        if name == "interrupted":
            stopped, calls = LinearTask(), []

            def interrupt(batch, rng, stopped=stopped, calls=calls):
                calls.append(1)
                if len(calls) == 5:
                    raise KeyboardInterrupt
                return LinearTask.compute_batch_losses(stopped, batch, rng)

            stopped.compute_batch_losses = interrupt
            with pytest.raises(KeyboardInterrupt):
                loop.train(stopped, {**OPTIONS, "ema": 0.9}, 3, "cpu", tmp_path / name / "state.pt", {})
        task = LinearTask()
        loop.train(task, {**OPTIONS, "ema": 0.9}, 3, "cpu", tmp_path / name / "state.pt", {})
        results.append(copy_weights(task))
    (tmp_path / "plain").mkdir()
    plain = LinearTask()
    loop.train(plain, OPTIONS, 3, "cpu", tmp_path / "plain" / "state.pt", {})
    for name, value in results[0].items():
        assert torch.equal(value, results[1][name])
        assert not torch.equal(value, copy_weights(plain)[name])
