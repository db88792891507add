"""The training loop of all families: steps, history, checkpoints and seeds."""

import json
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from samgap.errors import UserError
from samgap.models.runtime.arithmetic import restore_arithmetic
from samgap.models.runtime.device import cuda_shim
from samgap.training.optimizer import ScheduledOptimizer
from samgap.training.parts import count_parameters, format_counts, freeze_parts
from samgap.training.state import TrainingState

logger = logging.getLogger("samgap")

REPORT_EVERY = 50
"""Steps over which the losses in the history are averaged."""


MAX_SKIPPED_STEPS = 10
"""A training stops if so many steps in a row, or all its steps, change no weight since a gradient is not finite."""


class Task(Protocol):
    """A training task of a family: a model, its losses on a random batch, and a validation.

    A task may have an attribute `auxiliary_heads`, a module that is trained together with the model and then discarded;
    `key_layouts`, how the keys of weights files differ from those of its model (default: not at all); and `spare_keys`,
    what the keys of parts start with that such a file has and the model has not (default None: it has no others).
    """

    model: torch.nn.Module

    def compute_batch_losses(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Return the loss terms on a batch sampled with `rng`; `total` is minimised, the others are logged."""

    def validate(self) -> dict[str, float]:
        """Return scores on validation images, by name."""


@dataclass(frozen=True)
class DatasetSource:
    """A data set for training or validation."""

    image_folder: Path
    ground_truth_path: Path  # its instances.json
    name: str = ""
    batch_fraction: float = 1.0  # expected fraction of the images of a batch
    exhaustive: bool = True  # whether every object of its nouns has a label


def sample_source_indices(sources: Sequence[DatasetSource], n_images: int, rng: np.random.Generator) -> np.ndarray:
    """Sample the data set of each image of a batch by the sources' `batch_fraction`: int64 (n_images,), indices."""
    fractions = np.array([source.batch_fraction for source in sources])
    return rng.choice(len(sources), n_images, p=fractions / fractions.sum())


def train(
    task: Task, options: Mapping[str, Any], seed: int, device: str, checkpoint_path: Path, recipe: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Train `task.model` for `options["steps"]` steps.

    The state is saved at every validation. A training that is started again with the same `recipe` resumes from it;
    since each step has a seed, it samples the same batches as an uninterrupted training.

    A step of which a gradient is NaN or infinite changes no weight, and its losses are not in the history. The number
    of such steps is logged, and is the term `skipped_steps` of the history where there are any.

    Args:
        task: the model, its losses and its validation
        options: the entry of `trainings`; parts of the model named by `frozen` are not trained
        seed: seed of all random numbers
        device: torch device of the model
        checkpoint_path: file of the saved state
        recipe: everything that determines the training, JSON-like

    Returns:
        Rows of the table `history`.

    Raises:
        UserError: `frozen` names no part of the model, or all of it; or MAX_SKIPPED_STEPS in a row are skipped.
    """
    freeze_parts(task.model, options.get("frozen", []), options.get("family", ""))
    logger.info("%s", format_counts(count_parameters(task.model, options.get("family", ""))))
    auxiliary = getattr(task, "auxiliary_heads", torch.nn.Module())
    optimiser = ScheduledOptimizer(task.model, auxiliary, options)
    state = TrainingState(task.model, auxiliary, optimiser.optimizer, json.dumps(recipe, sort_keys=True, default=str))
    if state.restore(checkpoint_path, device):
        logger.info("resuming from step %d", state.step)
    n_steps = options["steps"]
    for step in range(state.step, n_steps):
        optimiser.set_step(step)
        lr = optimiser.compute_learning_rate(step)
        _seed_generators(seed, step)
        losses = _step(task, optimiser, options.get("clip", 1.0), device, np.random.default_rng([seed, step]))
        state.add_losses(losses)
        if losses is None:
            logger.warning("step %d: a gradient is not finite, so no weight changes", state.step)
            _check_skipped_steps(state.n_skipped_in_row, state.step, n_steps, options)
        if state.step % REPORT_EVERY == 0 or state.step == n_steps:
            means = state.pop_mean_losses()
            state.add_history(means, lr)
            logger.info("step %d of %d: %s", state.step, n_steps, _format_values(means))
        if state.step % options.get("validate-every", 1000) == 0 or state.step == n_steps:
            scores = task.validate()
            state.add_history(scores, lr)
            logger.info("step %d of %d, validation: %s", state.step, n_steps, _format_values(scores))
            state.save(checkpoint_path)
    return state.history


def _step(
    task: Task, optimiser: ScheduledOptimizer, max_grad_norm: float, device: str, rng: np.random.Generator
) -> dict[str, float] | None:
    """Do one optimiser step and return the loss terms; None if a gradient is not finite, and then no weight changes."""
    restore_arithmetic()
    task.model.train()
    optimiser.optimizer.zero_grad(set_to_none=True)
    with cuda_shim(device):
        terms = task.compute_batch_losses(rng)
        terms["total"].backward()
    norm = torch.nn.utils.clip_grad_norm_(optimiser.list_parameters(), max_grad_norm)
    if not torch.isfinite(norm):
        return None
    optimiser.optimizer.step()
    return {name: float(value.detach()) for name, value in terms.items()}


def _check_skipped_steps(n_in_row: int, step: int, n_steps: int, options: Mapping[str, Any]) -> None:
    """Check that training still changes the weights.

    Args:
        n_in_row: number of skipped steps up to the last one
        step: number of steps so far
        n_steps: number of steps of the training
        options: the entry of `trainings`

    Raises:
        UserError: too many steps in a row were skipped.
    """
    if n_in_row >= min(MAX_SKIPPED_STEPS, n_steps):
        precision = "`precision: fp32` or " if options.get("precision", "fp32") != "fp32" else ""
        raise UserError(
            f"training: the gradients of the last {n_in_row} steps, up to step {step} of {n_steps}, are NaN or "
            f"infinite, so no weight changes; try {precision}a lower learning-rate"
        )


def _seed_generators(seed: int, step: int) -> None:
    # The packages' transforms and layers draw from these global generators.
    step_seed = (seed * 1_000_003 + step) % 2**32
    random.seed(step_seed)
    np.random.seed(step_seed)  # noqa: NPY002
    torch.manual_seed(step_seed)


def _format_values(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in sorted(values.items()))
