"""Several processes: two with one batch each train as one that adds up the gradients of two batches."""

import os
import socket

import pytest
import torch

from samgap.errors import UserError
from samgap.training import loop
from samgap.training.process_group import SINGLE_PROCESS, join_process_group
from tests.helpers.linear_task import LinearTask, copy_weights

OPTIONS = {"steps": 6, "learning-rate": 0.05, "warm-up": 2, "validate-every": 3}


def train(folder, group=SINGLE_PROCESS, task=None, **options):
    task = task or LinearTask()
    history = loop.train(task, {**OPTIONS, **options}, 3, "cpu", folder / "state.pt", {}, group=group).history
    return copy_weights(task), history


def run_processes(n_processes, work):
    """Run `work(group)` in forked processes, as torchrun starts them, and return their exit statuses."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    children = []
    for rank in range(n_processes):
        child = os.fork()
        if not child:
            status = 3
            try:
                os.environ |= {"TORCHELASTIC_RUN_ID": "test", "RANK": f"{rank}", "WORLD_SIZE": f"{n_processes}"}
                os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": f"{port}", "LOCAL_RANK": f"{rank}"}
                with join_process_group("cpu") as group:
                    work(group)
                status = 0
            except UserError:
                status = 1
            finally:
                os._exit(status)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def test_two_processes_train_as_one_with_two_batches(tmp_path):
    def work(group):
        weights, history = train(tmp_path, group)
        torch.save({"weights": weights, "history": history}, tmp_path / f"{group.rank}.pt")

    assert run_processes(2, work) == [0, 0]
    (tmp_path / "one").mkdir()
    weights, history = train(tmp_path / "one", accumulate=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for name, value in weights.items():
        assert torch.equal(first["weights"][name], second["weights"][name]), name
        assert torch.allclose(value, first["weights"][name], rtol=1e-6, atol=1e-6), name
    assert [row["term"] for row in first["history"]] == [row["term"] for row in history]
    values = [[row["value"] for row in rows] for rows in (first["history"], history)]
    assert values[0] == pytest.approx(values[1], rel=1e-5)
    # The other process neither validates nor writes files.
    assert {row["term"] for row in second["history"]} == {"total", "noise"}


def test_a_parameter_that_one_process_does_not_use_has_the_mean_gradient(tmp_path):
    def work(group):
        parameters = [torch.nn.Parameter(torch.zeros(2)) for _ in range(3)]
        parameters[0].grad = torch.full((2,), 1.0 + group.rank)
        if group.rank:
            parameters[1].grad = torch.full((2,), 4.0)
        group.average_gradients(parameters)
        assert parameters[0].grad.tolist() == [1.5, 1.5] and parameters[1].grad.tolist() == [2.0, 2.0]
        assert parameters[2].grad is None

    assert run_processes(2, work) == [0, 0]


def test_a_loss_that_is_not_finite_in_one_process_stops_all(tmp_path):
    def work(group):
        task = LinearTask()
        if group.rank:
            task.compute_batch_losses = lambda batch, rng: {"total": task.model[0].weight.sum() * torch.nan}
        train(tmp_path, group, task)

    assert run_processes(2, work) == [1, 1]
    assert "orchard/" in (tmp_path / "failed-batch.json").read_text(encoding="utf-8")


def test_without_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    with join_process_group("cpu") as group:
        assert (group.rank, group.size, group.is_first) == (0, 1, True)
        assert group.gather("x") == ["x"] and list(group.get_positions(3)) == [0, 1, 2]
