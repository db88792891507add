"""The state of a training: saved and restored, sums of losses, and rows of the history."""

import pytest
import torch

from samgap.training.state import TrainingState
from samgap.training.tasks import Score

NO_INTERVAL = dict.fromkeys(("lower", "upper", "n"))


def make_state(seed, recipe="a"):
    """Return a state whose optimiser has moments, which depend on the seed like the weights."""
    torch.manual_seed(seed)
    model, heads = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)
    optimiser = torch.optim.AdamW([*model.parameters(), *heads.parameters()])
    heads(model(torch.ones(1, 2))).sum().backward()
    optimiser.step()
    return TrainingState(model, heads, optimiser, recipe)


def test_a_restored_state_equals_the_saved_one(tmp_path):
    saved, restored = make_state(0), make_state(1)
    saved.add_losses({"total": 2.0})
    saved.add_history({"total": 2.0}, lr=0.1)
    saved.save(tmp_path / "state.pt")
    assert restored.restore(tmp_path / "state.pt", "cpu")
    assert (restored.step, restored.history, restored.loss_sums) == (1, saved.history, {"total": 2.0})
    for part in ("model", "auxiliary_heads"):
        for name, value in getattr(saved, part).state_dict().items():
            assert torch.equal(value, getattr(restored, part).state_dict()[name]), name
    moments = [state.optimiser.state_dict()["state"] for state in (saved, restored)]
    for number, values in moments[0].items():
        assert torch.equal(values["exp_avg"], moments[1][number]["exp_avg"])


def test_a_missing_state_and_a_state_of_another_recipe_are_not_restored(tmp_path):
    state = make_state(0)
    weight = state.model.weight.clone()
    assert not state.restore(tmp_path / "state.pt", "cpu")
    make_state(1, recipe="b").save(tmp_path / "state.pt")
    assert not state.restore(tmp_path / "state.pt", "cpu")
    assert torch.equal(state.model.weight, weight)


def test_mean_losses_are_sums_over_the_steps_since_the_last_ones():
    state = make_state(0)
    for total in (1.0, 2.0, 6.0):
        state.add_losses({"total": total, "loss_mask": 2 * total})
    assert state.step == 3
    assert state.pop_mean_losses() == {"total": 3.0, "loss_mask": 6.0}
    # A term that only some steps have counts 0 in the others.
    state.add_losses({"total": 5.0})
    state.add_losses({"total": 7.0, "clip_mask": 1.0})
    assert state.pop_mean_losses() == {"total": 6.0, "clip_mask": 0.5}


def test_skipped_steps_are_counted_and_not_in_the_means(tmp_path):
    state = make_state(0)
    for losses in ({"total": 4.0}, None, {"total": 8.0}, None, None):
        state.add_losses(losses)
    assert (state.step, state.n_skipped_in_row) == (5, 2)
    state.save(tmp_path / "state.pt")
    restored = make_state(1)
    assert restored.restore(tmp_path / "state.pt", "cpu")
    assert restored.pop_mean_losses() == {"total": 6.0, "skipped_steps": 3.0}
    restored.add_losses({"total": 1.0})
    assert restored.n_skipped_in_row == 0 and restored.pop_mean_losses() == {"total": 1.0}


def test_the_history_has_a_row_for_each_value_of_the_step():
    state = make_state(0)
    state.add_losses({"total": 1.0})
    state.add_history({"total": 1, "loss_mask": 0.5}, lr=0.1)
    assert state.history == [
        {"step": 1, "term": "loss_mask", "value": pytest.approx(0.5), "learning_rate": 0.1, **NO_INTERVAL},
        {"step": 1, "term": "total", "value": pytest.approx(1.0), "learning_rate": 0.1, **NO_INTERVAL},
    ]


def test_a_validation_score_has_its_interval_and_number_of_images_in_the_history():
    state = make_state(0)
    state.add_history({"val_iou": Score(0.5, 0.4, 0.6, 12)}, lr=0.1)
    (row,) = state.history
    assert (row["value"], row["lower"], row["upper"], row["n"]) == (0.5, 0.4, 0.6, 12)


def test_the_cost_is_the_time_of_all_steps_and_the_most_memory(tmp_path):
    state = make_state(0)
    for seconds, memory_bytes in ((1800, 3_000_000_000), (1800, 2_000_000_000)):
        state.add_cost(seconds, memory_bytes)
    state.save(tmp_path / "state.pt")
    restored = make_state(1)
    assert restored.restore(tmp_path / "state.pt", "cpu")
    assert restored.cost == {"hours": 1.0, "peak_memory_gb": 3.0}
