"""An interrupted training: killed or asked to stop at any step, it goes on bit for bit as if it had not been."""

import json
import os
import resource
import signal

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrize

from samgap.errors import UserError
from samgap.training import loop, state
from samgap.training.interruption import StopRequest
from tests.helpers.linear_task import LinearTask, copy_weights

OPTIONS = {"steps": 12, "learning-rate": 0.05, "warm-up": 2, "validate-every": 5, "accumulate": 2}
KILLS = [(int(step), "SIGTERM" if index % 2 else "SIGKILL") for index, step in enumerate(range(1, 11))]


class LowRank(torch.nn.Module):
    """The product of two trained factors, added to a frozen weight."""

    def __init__(self, weight):
        super().__init__()
        torch.manual_seed(1)
        self.left = torch.nn.Parameter(torch.randn(weight.shape[0], 1))
        self.right = torch.nn.Parameter(torch.zeros(1, weight.shape[1]))

    def forward(self, weight):
        return weight + self.left @ self.right


def make_task(with_adapters=False):
    task = LinearTask()
    if with_adapters:
        task.model.requires_grad_(False)
        for layer in task.model:
            parametrize.register_parametrization(layer, "weight", LowRank(layer.weight))
    return task


def train(task, folder, **named):
    folder.mkdir(exist_ok=True)
    return loop.train(task, OPTIONS, 3, "cpu", folder / "state.pt", {"recipe": 1}, **named).history


def run_and_kill(folder, kill_step, signal_name, with_adapters):
    """Train in a child process, which gets a signal in a step; return its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 3
    try:
        task = make_task(with_adapters)
        compute_batch_losses, n_batches = task.compute_batch_losses, 0

        def kill_in_step(batch, rng):
            nonlocal n_batches
            n_batches += 1
            if n_batches == 2 * kill_step:
                os.kill(os.getpid(), getattr(signal, signal_name))
            return compute_batch_losses(batch, rng)

        task.compute_batch_losses = kill_in_step
        train(task, folder, save_minutes=0, n_workers=1)
        status = 0
    except UserError as error:
        (folder / "message").write_text(str(error), encoding="utf-8")
        status = 1
    finally:
        os._exit(status)


@pytest.mark.parametrize("with_adapters", [False, True])
def test_a_training_killed_at_ten_steps_goes_on_bit_for_bit(tmp_path, monkeypatch, with_adapters):
    monkeypatch.setattr(loop, "REPORT_EVERY", 4)
    expected = make_task(with_adapters)
    history = train(expected, tmp_path / "uninterrupted")
    for step, name in KILLS:
        folder = tmp_path / f"{step}"
        folder.mkdir()
        assert run_and_kill(folder, step, name, with_adapters) == (1 if name == "SIGTERM" else -signal.SIGKILL)
        if name == "SIGTERM":
            message = (folder / "message").read_text(encoding="utf-8")
            assert f"SIGTERM stopped it at step {step} of 12; the state is saved" in message
        saved = torch.load(folder / "state.pt") if step > 1 or name == "SIGTERM" else {"step": 0}
        assert saved["step"] == (step if name == "SIGTERM" else step - 1)
        resumed = make_task(with_adapters)
        assert train(resumed, folder) == history
        for key, value in copy_weights(expected).items():
            assert torch.equal(value, copy_weights(resumed)[key]), (step, key)


def test_the_state_of_a_training_with_adapters_has_no_frozen_weights(tmp_path):
    train(make_task(with_adapters=True), tmp_path)
    saved = torch.load(tmp_path / "state.pt")["model"]
    assert {name.rsplit(".", 1)[1] for name in saved} == {"left", "right"}


def test_a_loss_that_is_not_finite_stops_the_training_and_saves_the_images_of_its_batch(tmp_path):
    task = make_task()
    sample_batch = task.sample_batch

    def sample_broken(rng):
        batch = sample_batch(rng)
        batch.data[:] = np.nan
        return batch

    task.sample_batch = sample_broken
    message = r"the loss at step 1 of 12 is NaN or infinite; the images of the batch are in .*failed-batch.json"
    with pytest.raises(UserError, match=message):
        train(task, tmp_path)
    content = json.loads((tmp_path / "failed-batch.json").read_text(encoding="utf-8"))
    assert content["step"] == 1 and len(content["batches"]) == 2
    assert content["batches"][0]["images"][0].startswith("orchard/")
    assert content["batches"][0]["losses"]["total"] == "nan"


def test_a_full_disk_leaves_the_last_state_and_the_training_goes_on_from_it(tmp_path, monkeypatch):
    expected = make_task()
    history = train(expected, tmp_path / "uninterrupted")
    save_tensors, n_calls = state._save_tensors, 0

    def limit_the_third_file(content, path):
        nonlocal n_calls
        n_calls += 1
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            if n_calls == 3:
                resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
            save_tensors(content, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    monkeypatch.setattr(state, "_save_tensors", limit_the_third_file)
    with pytest.raises(UserError, match="at step 3 cannot be written .File too large., and that of an earlier step"):
        train(make_task(), tmp_path, save_minutes=0)
    assert torch.load(tmp_path / "state.pt")["step"] == 2
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["state.pt"]
    resumed = make_task()
    assert train(resumed, tmp_path) == history
    assert all(torch.equal(value, copy_weights(resumed)[key]) for key, value in copy_weights(expected).items())


def test_a_signal_is_noted_and_has_its_former_effect_afterwards():
    before = signal.getsignal(signal.SIGUSR1)
    with StopRequest() as request:
        assert request.signal_name is None
        signal.raise_signal(signal.SIGUSR1)
        assert request.signal_name == "SIGUSR1"
    assert signal.getsignal(signal.SIGUSR1) == before
