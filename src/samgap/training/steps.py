"""One optimiser step: the gradients of one or several batches, their mean over processes, clipping and the update."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from samgap.models.runtime.arithmetic import restore_arithmetic
from samgap.models.runtime.device import cuda_shim
from samgap.training.batches import seed_generators
from samgap.training.process_group import ProcessGroup
from samgap.training.tasks import Batch, Task


@dataclass(frozen=True)
class StepResult:
    """What a step did."""

    terms: dict[str, float] | None  # mean loss terms; None if a gradient is not finite, and then no weight changed
    stop_signal: str | None = None  # the signal that one of the processes got before the step's end


class LossNotFiniteError(Exception):
    """A loss is NaN or infinite.

    Attributes:
        batches: for each batch with such a loss `images`, their names, and `losses`, the terms by name as text.
    """

    def __init__(self, batches: Sequence[Mapping[str, Any]]) -> None:
        super().__init__("a loss is NaN or infinite")
        self.batches = list(batches)


def take_step(
    task: Task,
    optimiser: torch.optim.Optimizer,
    batches: Sequence[Batch],
    *,
    options: Mapping[str, Any],
    group: ProcessGroup,
    device: str,
    seed: int,
    step: int,
    get_stop_signal: Callable[[], str | None] = lambda: None,
) -> StepResult:
    """Do one optimiser step on the batches of all processes.

    The loss is the mean over all batches, whose sums over objects have the same divisor: the gradient is that of one
    large batch with the same images.

    Args:
        task: the model and its losses.
        optimiser: its learning rates are those of the step.
        batches: the batches of this process.
        options: the entry of `trainings`: `clip`, the maximum norm of the gradient, and `precision`.
        group: the processes.
        device: torch device.
        seed: seed of the training.
        step: the step, from 0.
        get_stop_signal: returns the signal that this process has got, if any.

    Raises:
        LossNotFiniteError: a loss of any process is NaN or infinite; no weight changed.
    """
    restore_arithmetic()
    task.model.train()
    optimiser.zero_grad(set_to_none=True)
    _share_divisor(batches, group)
    sums: dict[str, float] = defaultdict(float)
    failures: list[dict[str, Any]] = []
    for position, batch in zip(group.get_positions(len(batches)), batches, strict=True):
        seed_generators(seed, step, position)
        with cuda_shim(device):
            with torch.autocast(device, torch.bfloat16, enabled=options.get("precision") == "bf16"):
                terms = task.compute_batch_losses(batch, np.random.default_rng([seed, step, position, 1]))
            values = {name: float(value.detach()) for name, value in terms.items()}
            if not np.isfinite(values["total"]):
                losses = {name: str(value) for name, value in sorted(values.items())}
                failures.append({"images": batch.image_names, "losses": losses})
                continue
            (terms["total"] / len(batches)).backward()
        for name, value in values.items():
            sums[name] += value / len(batches)
    gathered = group.gather((dict(sums), failures, get_stop_signal()))
    if all_failures := [failure for _, failures, _ in gathered for failure in failures]:
        raise LossNotFiniteError(all_failures)
    stop_signal = next((signal for *_, signal in gathered if signal), None)
    if not _update_weights(optimiser, options.get("clip", 1.0), group):
        return StepResult(None, stop_signal)
    return StepResult(_average_terms([terms for terms, *_ in gathered]), stop_signal)


def _share_divisor(batches: Sequence[Batch], group: ProcessGroup) -> None:
    """Give all batches of the step the same divisor, so that the mean of their losses is that of one large batch."""
    counts = [count for counts in group.gather([batch.n_targets for batch in batches]) for count in counts]
    for batch in batches:
        batch.n_targets = max(sum(counts), 1.0) / len(counts)


def _update_weights(optimiser: torch.optim.Optimizer, max_norm: float, group: ProcessGroup) -> bool:
    """Average and clip the gradients and change the weights, and return True; False if a gradient is not finite."""
    parameters = [value for param_group in optimiser.param_groups for value in param_group["params"]]
    group.average_gradients(parameters)
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if not torch.isfinite(norm):
        return False
    optimiser.step()
    return True


def _average_terms(terms_by_process: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the means over processes; a term that a process does not have counts 0."""
    names = dict.fromkeys(name for terms in terms_by_process for name in terms)
    return {name: sum(terms.get(name, 0.0) for terms in terms_by_process) / len(terms_by_process) for name in names}
