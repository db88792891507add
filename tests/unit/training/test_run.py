"""A training from files: its task, and the weights that it starts from."""

from types import SimpleNamespace

import pytest
import torch

from samgap.training.run import run_training
from samgap.training.start import StartWeights
from samgap.training.tasks import Batch, DatasetSource

OPTIONS = {"steps": 1, "learning-rate": 0.0, "warm-up": 0}


class ConstantTask:
    """A linear layer whose loss does not depend on data."""

    def __init__(self):
        self.model = torch.nn.Linear(2, 1)

    def sample_batch(self, rng):
        return Batch(None, [])

    def compute_batch_losses(self, batch, rng):
        return {"total": sum(value.sum() for value in self.model.parameters())}

    def validate(self):
        return {"val_score": 1.0}


@pytest.fixture
def run(tmp_path):
    """Function that runs a training, and returns the model, its history and the arguments of the task."""

    def run(**more):
        arguments = {}

        def open_task(**task_arguments):
            assert task_arguments["scratch"].is_dir()
            arguments.update(task_arguments)
            return ConstantTask()

        sources = [DatasetSource(tmp_path, tmp_path / name) for name in ("train.json", "val.json")]
        settings = {"seed": 3, "device": "cpu", "state": tmp_path / "state.pt", "recipe": {"seed": 3}, **more}
        method = SimpleNamespace(open_task=open_task)
        task, result = run_training(method, OPTIONS, {"config": "x"}, None, sources[:1], sources[1], **settings)
        return task.model, result.history, arguments

    return run


def test_the_task_gets_the_data_and_a_scratch_folder_that_is_removed(run, tmp_path):
    _, history, arguments = run()
    assert {row["term"] for row in history} == {"total", "val_score"}
    assert not arguments.pop("scratch").exists()
    assert arguments["data"] == [DatasetSource(tmp_path, tmp_path / "train.json")]
    assert arguments["validation"] == DatasetSource(tmp_path, tmp_path / "val.json")
    assert (arguments["options"], arguments["model"], arguments["phrases"]) == (OPTIONS, {"config": "x"}, None)


def test_initial_weights_depend_on_the_seed_alone(run, tmp_path):
    first, second, other = (run(seed=seed, state=tmp_path / f"{n}.pt")[0] for n, seed in enumerate((3, 3, 4)))
    assert torch.equal(first.weight, second.weight) and not torch.equal(first.weight, other.weight)


def test_a_training_starts_from_the_weights_of_another(run, tmp_path):
    weights = {"weight": torch.tensor([[2.0, -1.0]]), "bias": torch.tensor([0.5])}
    torch.save({"model": weights}, tmp_path / "weights.pt")
    model, _, _ = run(start=StartWeights(tmp_path / "weights.pt", {}))
    assert torch.equal(model.weight, weights["weight"]) and torch.equal(model.bias, weights["bias"])
