"""A training from its files: the task of its method, the weights that it starts from, the loop, and its output."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from samgap.config.plugin_import import import_plugin
from samgap.training.adapters import add_adapters
from samgap.training.loop import SAVE_MINUTES, TrainingResult, train
from samgap.training.outputs import write_outputs, write_weights
from samgap.training.process_group import SINGLE_PROCESS, ProcessGroup, join_process_group
from samgap.training.start import StartWeights, get_task_layouts, load_start
from samgap.training.tasks import DatasetSource, Task

EVENTS_FOLDER, STATE_NAME = "events", "unfinished.pt"
"""TensorBoard's events and the saved state, beside the weights."""


def run_job(job: Mapping[str, Any]) -> None:
    """Do a whole training in this process or, if torchrun started it, in one of several, and write its files.

    Args:
        job: JSON-like; `options`, `model`, `phrases`, `seed` and `device` as of `run_training`; `method`, the package
            and the name of the module; `data` and `validation`, the fields of `DatasetSource`; `start`, the paths of
            the weights and their card, or None; `recipe`, and `resumed_recipe` with what else a saved state depends on;
            `output`, paths by name; `training`, its id; `n_workers` and `save_minutes`.
    """
    weights, device = Path(job["output"]["weights"]), job["device"]
    start = StartWeights.read(*job["start"]) if job["start"] else None
    state = weights.with_name(STATE_NAME)
    with join_process_group(device) as group:
        task, result = run_training(
            import_plugin(*job["method"]),
            job["options"],
            job["model"],
            job["phrases"],
            [_make_source(fields) for fields in job["data"]],
            _make_source(job["validation"]),
            seed=job["seed"],
            device=device,
            state=state,
            recipe=job["resumed_recipe"],
            start=start,
            n_workers=job["n_workers"],
            save_minutes=job["save_minutes"],
            group=group,
            events_folder=weights.with_name(EVENTS_FOLDER),
        )
        if not group.is_first:
            return
        layouts, added = get_task_layouts(task), getattr(task, "added_keys", ())
        write_weights(job["output"]["last"], task.model, start, layouts, added)
        write_outputs(
            job["output"],
            task.model,
            result.history,
            job["recipe"],
            training=job["training"],
            device=device,
            start=start,
            layouts=layouts,
            added=added,
            kept_step=result.selection.load_best(task.model, device),
            cost=result.cost,
        )
        state.unlink(missing_ok=True)
        result.selection.remove_files()


def _make_source(fields: Mapping[str, Any]) -> DatasetSource:
    paths = {name: Path(fields[name]) for name in ("image_folder", "ground_truth_path")}
    return DatasetSource(**{**fields, **paths})


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
    group: ProcessGroup = SINGLE_PROCESS,
    events_folder: Path | None = None,
) -> tuple[Task, TrainingResult]:
    """Train a model, and return its task with the last weights, and the result.

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
        group: the processes that train together.
        events_folder: folder of TensorBoard's events; None: none are written.
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
        result = train(
            task,
            options,
            seed,
            device,
            state,
            recipe,
            n_workers=n_workers,
            save_minutes=save_minutes,
            group=group,
            events_folder=events_folder,
        )
        return task, result
