"""The training loop that every family shares: schedule, history, resuming, seeds."""

import json
import logging
import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from samgap.errors import UserError
from samgap.io.files import atomic_write
from samgap.models.runtime.device import cuda_shim

logger = logging.getLogger("samgap")

REPORT_EVERY = 50


class Task(Protocol):
    """What a family brings: its model, the loss of one step's batch by term (`total` is descended), a validation.

    A task may also have `auxiliary_heads`, a module that is trained beside the model and not kept.
    """

    model: torch.nn.Module

    def loss(self, rng: np.random.Generator) -> dict[str, torch.Tensor]: ...

    def validate(self) -> dict[str, float]: ...


@dataclass(frozen=True)
class DatasetSource:
    """A data set to learn from or to be watched on: its image folder and its instances.json."""

    image_folder: Path
    ground_truth_path: Path
    name: str = ""
    batch_fraction: float = 1.0  # of a step's images


def sample_source_indices(sources: Sequence[DatasetSource], n_images: int, rng: np.random.Generator) -> np.ndarray:
    """Of each of a step's `count` images, the position in `data` of its data set, drawn by their shares."""
    shares = np.array([each.batch_fraction for each in sources])
    return rng.choice(len(sources), n_images, p=shares / shares.sum())


def learning_rate(step: int, options: Mapping[str, Any]) -> float:
    """Linear warm-up over `warm-up` steps, then a cosine to a hundredth of `learning-rate` at step `schedule`."""
    steps, warm_up = options.get("schedule", options["steps"]), options.get("warm-up", 100)
    if step < warm_up:
        return options["learning-rate"] * (step + 1) / warm_up
    done = (step - warm_up) / max(steps - warm_up, 1)
    return options["learning-rate"] * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


def train(
    task: Task, options: Mapping[str, Any], seed: int, device: str, checkpoint_path: Path, recipe: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Train `task.model` for `options["steps"]` steps; returns the rows of table `history`.

    The state is put aside in `state` at every validation, and a run that finds one of the same `recipe` goes on from
    there: each step draws from its own seed, so a resumed run sees the batches that an undisturbed one sees.
    What `options["frozen"]` names keeps its weights. Raises UserError where that names nothing, or leaves nothing.
    """
    _freeze_modules(task.model, options.get("frozen", []))
    auxiliary = getattr(task, "auxiliary_heads", torch.nn.Module())
    optimiser = torch.optim.AdamW(
        [each for each in (*task.model.parameters(), *auxiliary.parameters()) if each.requires_grad],
        lr=options["learning-rate"],
        weight_decay=options.get("weight-decay", 1e-4),
        fused=True,
    )
    history: list[dict[str, Any]] = []
    first = 0
    mark = json.dumps(recipe, sort_keys=True, default=str)
    saved = torch.load(checkpoint_path, map_location=device, weights_only=True) if checkpoint_path.is_file() else {}
    if saved.get("recipe") == mark:
        task.model.load_state_dict(saved["model"])
        auxiliary.load_state_dict(saved["auxiliary_heads"])
        optimiser.load_state_dict(saved["optimiser"])
        history, first = saved["history"], saved["step"]
        logger.info("going on from step %d", first)
    sums: dict[str, float] = defaultdict(float)
    for step in range(first, options["steps"]):
        rate = learning_rate(step, options)
        _seed_generators(seed, step)
        terms = _step(task, optimiser, rate, options.get("clip", 1.0), device, np.random.default_rng([seed, step]))
        for name, value in terms.items():
            sums[name] += value
        if (step + 1) % REPORT_EVERY == 0 or step + 1 == options["steps"]:
            count = (step % REPORT_EVERY) + 1
            means = {name: value / count for name, value in sums.items()}
            history += _make_history_rows(step + 1, rate, means)
            sums.clear()
            logger.info("step %d of %d: %s", step + 1, options["steps"], _format_values(means))
        if (step + 1) % options.get("validate-every", 1000) == 0 or step + 1 == options["steps"]:
            figures = task.validate()
            history += _make_history_rows(step + 1, rate, figures)
            logger.info("step %d of %d, validation: %s", step + 1, options["steps"], _format_values(figures))
            with atomic_write(checkpoint_path) as temporary:
                torch.save(
                    {
                        "model": task.model.state_dict(),
                        "auxiliary_heads": auxiliary.state_dict(),
                        "optimiser": optimiser.state_dict(),
                        "history": history,
                        "step": step + 1,
                        "recipe": mark,
                    },
                    temporary,
                )
    return history


def _freeze_modules(model: torch.nn.Module, module_names: Sequence[str]) -> None:
    for part in module_names:
        held = [each for name, each in model.named_parameters() if f"{name}.".startswith(f"{part}.")]
        if not held:
            parts = ", ".join(dict.fromkeys(name.split(".")[0] for name, _ in model.named_parameters()))
            raise UserError(f"training: frozen names '{part}', which the model does not have; its parts are {parts}")
        for each in held:
            each.requires_grad_(False)
    if not any(each.requires_grad for each in model.parameters()):
        raise UserError("training: frozen names all of the model, which leaves nothing to learn; name less")


def _step(
    task: Task, optimiser: torch.optim.Optimizer, lr: float, max_grad_norm: float, device: str, rng: np.random.Generator
) -> dict[str, float]:
    for group in optimiser.param_groups:
        group["lr"] = lr
    task.model.train()
    optimiser.zero_grad(set_to_none=True)
    with cuda_shim(device):
        terms = task.loss(rng)
        terms["total"].backward()
    norm = torch.nn.utils.clip_grad_norm_(
        [each for group in optimiser.param_groups for each in group["params"]], max_grad_norm
    )
    if torch.isfinite(norm):
        optimiser.step()
    return {name: float(value.detach()) for name, value in terms.items()}


def _seed_generators(seed: int, step: int) -> None:
    # The packages' transforms and layers draw from these global generators.
    number = (seed * 1_000_003 + step) % 2**32
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002
    torch.manual_seed(number)


def _make_history_rows(step: int, lr: float, values: Mapping[str, float]) -> list[dict[str, Any]]:
    return [
        {"step": step, "term": name, "value": float(value), "learning_rate": lr}
        for name, value in sorted(values.items())
    ]


def _format_values(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in sorted(values.items()))
