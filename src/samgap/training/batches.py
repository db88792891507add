"""The batches of a training, sampled ahead by worker processes.

A batch depends on the seed, its step and its position in the step alone, so neither the number of workers nor an
interruption changes what a training sees.
"""

import random
import signal
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from samgap.errors import UserError
from samgap.training.tasks import Batch, Task

N_PREFETCHED_BATCHES = 2
"""Batches that each worker holds ready."""


def seed_generators(seed: int, step: int, position: int) -> None:
    """Seed the global generators, from which the packages' transforms and layers draw.

    Args:
        seed: seed of the training.
        step: the step, from 0.
        position: position of the batch in the step, among those of all processes.
    """
    batch_seed = (seed * 1_000_003 + step + position * 777_767_777) % 2**32
    random.seed(batch_seed)
    np.random.seed(batch_seed)  # noqa: NPY002
    torch.manual_seed(batch_seed)


def sample_seeded_batch(task: Task, seed: int, step: int, position: int) -> Batch:
    """Sample a batch of a step; the arguments are those of `seed_generators`."""
    seed_generators(seed, step, position)
    return task.sample_batch(np.random.default_rng([seed, step, position]))


def iterate_batches(
    task: Task, seed: int, steps: range, positions: Sequence[int], n_workers: int
) -> Generator[list[Batch]]:
    """Yield the batches of each step, in the order of `positions`. The caller closes the generator.

    Args:
        task: samples the batches.
        seed: seed of the training.
        steps: the steps, from 0.
        positions: the positions in a step of the batches that this process uses.
        n_workers: number of worker processes; 0: batches are sampled in this process when they are needed.

    Raises:
        UserError: a batch cannot be sampled.
    """
    loader = DataLoader(
        _SampledBatches(task, seed, [(step, position) for step in steps for position in positions]),
        batch_size=None,
        shuffle=False,
        num_workers=n_workers,
        prefetch_factor=N_PREFETCHED_BATCHES if n_workers else None,
        collate_fn=_return_unchanged,
        worker_init_fn=_ignore_signals,
        # The task has a model, which need not be copied: a forked process shares its memory.
        multiprocessing_context="fork" if n_workers else None,
    )
    batches = iter(loader)
    try:
        for _ in steps:
            yield [_raise_error(next(batches)) for _ in positions]
    finally:
        del batches  # ends the workers; at its exit Python would wait for them, since they ignore its SIGTERM


class _SampledBatches(Dataset[Batch | UserError]):
    """The batches of the given steps and positions."""

    def __init__(self, task: Task, seed: int, keys: Sequence[tuple[int, int]]) -> None:
        self.task, self.seed, self.keys = task, seed, keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> Batch | UserError:
        try:
            return sample_seeded_batch(self.task, self.seed, *self.keys[index])
        except UserError as error:  # torch would raise it in the loop with a traceback as its message
            return error


def _raise_error(item: Batch | UserError) -> Batch:
    if isinstance(item, UserError):
        raise item
    return item


def _return_unchanged(item: Any) -> Any:
    return item


def _ignore_signals(worker: int) -> None:
    """Leave signals to the process of the loop, which needs its workers until the end of a step."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
