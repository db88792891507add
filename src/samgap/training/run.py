"""A training from its files: the task of its method, the weights that it starts from, and the loop."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from samgap.training.adapters import add_adapters
from samgap.training.loop import SAVE_MINUTES, train
from samgap.training.start import StartWeights, load_start
from samgap.training.tasks import DatasetSource, Task


def run_training(
    method: ModuleType,
    options: Mapping[str, Any],
    model: Mapping[str, Any],
    phrases: Sequence[Mapping[str, Any]] | None,
    data: Sequence[DatasetSource],
    validation: DatasetSource,
    *,
    seed: int,
    device: str,
    state: Path,
    recipe: Mapping[str, Any],
    start: StartWeights | None = None,
    n_workers: int = 0,
    save_minutes: float = SAVE_MINUTES,
) -> tuple[Task, list[dict[str, Any]]]:
    """Train a model, and return its task with the rows of the table `history`.

    Args:
        method: the module of the training's method or family.
        options: the entry of `trainings`.
        model: the entry of `models`.
        phrases: the training phrases; None for a model without text prompts.
        data: the data sets of training.
        validation: the data set of validation.
        seed: seed of all random numbers.
        device: torch device.
        state: the file from which an unfinished training of the same recipe resumes.
        recipe: everything that determines the training, JSON-like.
        start: the weights that the training starts from; None: random weights.
        n_workers: processes that sample batches.
        save_minutes: time between two saved states.
    """
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as scratch:
        task = method.open_task(
            options=options,
            model=model,
            phrases=phrases,
            data=data,
            validation=validation,
            device=device,
            scratch=Path(scratch),
        )
        if start:
            load_start(task, start)
        if "adapters" in options:
            add_adapters(task.model, options["adapters"], options["family"], seed)
        return task, train(task, options, seed, device, state, recipe, n_workers=n_workers, save_minutes=save_minutes)
