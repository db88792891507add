"""What people see of a running training: lines in the log, and events for TensorBoard."""

import logging
import resource
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from samgap.training.tasks import Score

logger = logging.getLogger("samgap")

LOG_INTERVAL_SECONDS = 15.0
"""Seconds between two lines about the speed of a training."""


class ProgressLog:
    """Writes the losses and the speed of a training to the log, and all values to TensorBoard's events.

    sam2 and sam3 import tensorboard in their training code, so it is installed with them.
    """

    def __init__(self, events_folder: Path | None, n_steps: int, first_step: int, device: str) -> None:
        """Open the events.

        Args:
            events_folder: folder of TensorBoard's events; None: none, as in all processes but the first.
            n_steps: number of steps of the training.
            first_step: number of steps that were done before; later events of an earlier run are replaced.
            device: torch device, whose memory is reported.
        """
        self.n_steps, self.device = n_steps, device
        self._last_step, self._last_time = first_step, time.monotonic()
        self._writer: Any = None
        if events_folder is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(events_folder), purge_step=first_step + 1)

    def __enter__(self) -> "ProgressLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def report_speed(self, step: int, loss: float | None, lr: float) -> None:
        """Log the last loss, the speed, the memory and the time left, at most every LOG_INTERVAL_SECONDS."""
        seconds = time.monotonic() - self._last_time
        if seconds < LOG_INTERVAL_SECONDS:
            return
        rate = (step - self._last_step) / seconds
        left = timedelta(seconds=round((self.n_steps - step) / rate))
        loss_text = "not finite" if loss is None else f"{loss:.4g}"
        memory = get_peak_memory_bytes(self.device) / 1e9
        logger.info(
            f"step {step} of {self.n_steps}: loss {loss_text}, learning rate {lr:.3g}, {rate:.3g} steps/s, "
            f"at most {memory:.1f} GB, about {left} left"
        )
        self._last_step, self._last_time = step, time.monotonic()

    def report_values(self, title: str, step: int, values: Mapping[str, float | Score], lr: float) -> None:
        """Log values of a step, and write them and the learning rate as events."""
        texts = ", ".join(
            f"{name} {value if isinstance(value, Score) else format(value, '.4g')}"
            for name, value in sorted(values.items())
        )
        logger.info("step %d of %d%s: %s", step, self.n_steps, title, texts)
        if self._writer is None:
            return
        for name, value in values.items():
            self._writer.add_scalar(name, value.value if isinstance(value, Score) else value, step)
        self._writer.add_scalar("learning_rate", lr, step)
        self._writer.flush()


def get_peak_memory_bytes(device: str) -> int:
    """Return the most memory that this process had at a time, in bytes: of the GPU, or of the machine on a CPU."""
    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
