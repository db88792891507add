"""The training loop of all families: steps, history, checkpoints and seeds."""

import contextlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from samgap.errors import UserError
from samgap.io.files import write_json
from samgap.training.averaging import WeightAverage
from samgap.training.batches import iterate_batches
from samgap.training.interruption import StopRequest
from samgap.training.optimizer import ScheduledOptimizer
from samgap.training.parts import GradientMonitor, count_parameters, format_counts, freeze_parts
from samgap.training.process_group import SINGLE_PROCESS, ProcessGroup
from samgap.training.progress import ProgressLog, get_peak_memory_bytes
from samgap.training.selection import Selection
from samgap.training.state import TrainingState
from samgap.training.steps import LossNotFiniteError, take_step
from samgap.training.tasks import Task

logger = logging.getLogger("samgap")

REPORT_EVERY = 50
"""Steps over which the losses in the history are averaged."""


MAX_SKIPPED_STEPS = 10
"""A training stops if so many steps in a row, or all its steps, change no weight since a gradient is not finite."""

SAVE_MINUTES = 10.0
"""Default time between two saved states, in minutes: what a killed training loses at most."""

FAILED_BATCH_NAME = "failed-batch.json"
"""The file, in the folder of the saved state, with the images of a batch whose loss is not finite."""


@dataclass(frozen=True)
class TrainingResult:
    """A finished training. Its model has the last weights."""

    history: list[dict[str, Any]]  # rows of the table `history`
    selection: Selection  # loads the best weights
    cost: dict[str, float]  # `hours` of all processes, and `peak_memory_gb` of the first


def train(
    task: Task,
    options: Mapping[str, Any],
    seed: int,
    device: str,
    checkpoint_path: Path,
    recipe: Mapping[str, Any],
    *,
    n_workers: int = 0,
    save_minutes: float = SAVE_MINUTES,
    group: ProcessGroup = SINGLE_PROCESS,
    events_folder: Path | None = None,
) -> TrainingResult:
    """Train `task.model` for `options["steps"]` steps, or until its validation score no longer rises (`early-stop`).

    The state is saved at every validation, every `save_minutes`, and when a signal asks the process to stop. A
    training that is started again with the same `recipe` resumes from it; since each step has a seed, it samples the
    same batches as an uninterrupted training.

    A step of which a gradient is NaN or infinite changes no weight, and its losses are not in the history. The number
    of such steps is logged, and is the term `skipped_steps` of the history where there are any.

    Args:
        task: the model, its losses and its validation
        options: the entry of `trainings`; parts of the model named by `frozen` are not trained
        seed: seed of all random numbers
        device: torch device of the model
        checkpoint_path: file of the saved state
        recipe: everything that determines the training, JSON-like
        n_workers: processes that sample batches; they change no number
        save_minutes: time between two saved states
        group: the processes that train together; the first one alone validates and writes files
        events_folder: folder of TensorBoard's events; None: none are written

    Raises:
        UserError: `frozen` names no part of the model, or all of it; a loss is NaN or infinite; MAX_SKIPPED_STEPS in a
            row are skipped; a signal asked the process to stop; or the state cannot be written.
    """
    freeze_parts(task.model, options.get("frozen", []), options.get("family", ""))
    logger.info("%s", format_counts(count_parameters(task.model, options.get("family", ""))))
    auxiliary = getattr(task, "auxiliary_heads", torch.nn.Module())
    optimiser = ScheduledOptimizer(task.model, auxiliary, options)
    average = WeightAverage(task.model, options.get("ema"))
    state = TrainingState(
        task.model,
        auxiliary,
        optimiser.optimizer,
        json.dumps(recipe, sort_keys=True, default=str),
        average=average.values,
    )
    if state.restore(checkpoint_path, device):
        logger.info("resuming from step %d", state.step)
    if len(set(group.gather(state.step))) > 1:
        raise UserError(f"{checkpoint_path}: not all processes can read it; use a folder that all nodes share")
    target = getattr(task, "target_score", None) if options.get("keep", "best") == "best" else None
    selection = Selection(checkpoint_path.parent, target, state.best)
    n_steps, positions = options["steps"], group.get_positions(options.get("accumulate", 1))
    is_stopped = selection.should_stop(options.get("early-stop"))
    steps = range(n_steps if is_stopped else state.step, n_steps)
    monitor = GradientMonitor(task.model, options.get("family", ""))
    last_time = last_save = time.monotonic()
    with (
        StopRequest() as request,
        contextlib.closing(iterate_batches(task, seed, steps, positions, n_workers)) as batches,
        ProgressLog(events_folder if group.is_first else None, n_steps, state.step, device) as progress,
    ):
        for step in steps:
            optimiser.set_step(step)
            lr = optimiser.compute_learning_rate(step)
            try:
                result = take_step(
                    task,
                    optimiser.optimizer,
                    next(batches),
                    options=options,
                    group=group,
                    device=device,
                    seed=seed,
                    step=step,
                    get_stop_signal=request.get_signal_name,
                )
            except LossNotFiniteError as error:
                raise _report_failed_batches(error, state.step + 1, n_steps, options, checkpoint_path) from error
            if (n_done := step - steps.start) < REPORT_EVERY:
                monitor.update()
                if n_done == REPORT_EVERY - 1 and (idle := monitor.describe_idle()):
                    logger.info("without a gradient in %d steps: %s", REPORT_EVERY, idle)
            average.update()
            state.add_losses(result.terms)
            progress.report_speed(state.step, None if result.terms is None else result.terms["total"], lr)
            if result.terms is None:
                logger.warning("step %d: a gradient is not finite, so no weight changes", state.step)
                _check_skipped_steps(state.n_skipped_in_row, state.step, n_steps, options)
            if state.step % REPORT_EVERY == 0 or state.step == n_steps:
                means = state.pop_mean_losses()
                state.add_history(means, lr)
                progress.report_values("", state.step, means, lr)
            is_validated = state.step % options.get("validate-every", 1000) == 0 or state.step == n_steps
            if is_validated and group.is_first:
                with average.used():
                    scores = task.validate()
                    selection.update(scores, state.step, task.model)
                state.best = selection.best
                state.add_history(scores, lr)
                progress.report_values(", validation", state.step, scores, lr)
            is_stopped = is_validated and group.gather(selection.should_stop(options.get("early-stop")))[0]
            state.add_cost(group.size * (time.monotonic() - last_time), get_peak_memory_bytes(device))
            last_time = time.monotonic()
            is_due = time.monotonic() - last_save >= 60 * save_minutes
            if group.is_first and (is_validated or is_due or result.stop_signal):
                state.save(checkpoint_path)
                selection.remove_older_files()
                last_save = time.monotonic()
            if is_stopped:
                logger.info("%s has not risen in %d validations, so the training ends", target, options["early-stop"])
                break
            if result.stop_signal and state.step < n_steps:
                raise UserError(
                    f"training: {result.stop_signal} stopped it at step {state.step} of {n_steps}; the state is saved, "
                    "and the run goes on from there when it is started again"
                )
    average.swap()
    return TrainingResult(state.history, selection, state.cost)


def _report_failed_batches(
    error: LossNotFiniteError, step: int, n_steps: int, options: Mapping[str, Any], checkpoint_path: Path
) -> UserError:
    """Write the images of the batches whose loss is not finite, and return the error that ends the training."""
    path = checkpoint_path.with_name(FAILED_BATCH_NAME)
    write_json(path, {"step": step, "batches": error.batches})
    return UserError(
        f"training: the loss at step {step} of {n_steps} is NaN or infinite; the images of the batch are in {path}; "
        f"check their labels, or try {_suggest_precision(options)}a lower learning-rate"
    )


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
        raise UserError(
            f"training: the gradients of the last {n_in_row} steps, up to step {step} of {n_steps}, are NaN or "
            f"infinite, so no weight changes; try {_suggest_precision(options)}a lower learning-rate"
        )


def _suggest_precision(options: Mapping[str, Any]) -> str:
    return "`precision: fp32` or " if options.get("precision", "fp32") != "fp32" else ""
