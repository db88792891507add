"""The processes that train one model together, each on a GPU of its own, as `torchrun` starts them.

Each process computes the gradients of its own batches, and all of them take the same optimiser step with the mean. So n
processes with one batch each train as one process that adds up the gradients of n batches.

The package's models are trained through their parts and not through `forward`, which is what
`DistributedDataParallel` wraps, so gradients are averaged once a step instead, after the backward pass.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed
from torch.nn.parameter import Parameter

BUCKET_ELEMENTS = 1 << 24
"""Elements of the gradients that are averaged in one call (64 MB as float32)."""

TIMEOUT = timedelta(days=1)
"""How long a process waits for the others; the first one alone validates and writes files."""


@dataclass(frozen=True)
class ProcessGroup:
    """The place of this process among those that train one model."""

    rank: int = 0
    size: int = 1
    messages: Any = None  # the group that exchanges Python objects; None in a single process

    @property
    def is_first(self) -> bool:
        """Whether this process validates and writes files."""
        return self.rank == 0

    def get_positions(self, n_batches: int) -> range:
        """Return the positions in a step of this process's batches, of which every process has `n_batches`."""
        return range(self.rank * n_batches, (self.rank + 1) * n_batches)

    def gather(self, item: Any) -> list[Any]:
        """Return the items of all processes, by rank. Every process calls it."""
        if self.size == 1:
            return [item]
        items: list[Any] = [None] * self.size
        distributed.all_gather_object(items, item, group=self.messages)
        return items

    def average_gradients(self, parameters: Sequence[Parameter]) -> None:
        """Replace each gradient by its mean over the processes. A parameter without one anywhere keeps None."""
        if self.size == 1:
            return
        flags = self.gather([parameter.grad is not None for parameter in parameters])
        used = [parameter for parameter, *has_gradient in zip(parameters, *flags, strict=True) if any(has_gradient)]
        gradients = [
            torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.contiguous() for parameter in used
        ]
        for bucket in _split_buckets(gradients):
            flat = torch.cat([gradient.flatten() for gradient in bucket])
            distributed.all_reduce(flat)
            flat /= self.size
            for gradient, mean in zip(bucket, flat.split([gradient.numel() for gradient in bucket]), strict=True):
                gradient.copy_(mean.view_as(gradient))
        for parameter, gradient in zip(used, gradients, strict=True):
            parameter.grad = gradient


SINGLE_PROCESS = ProcessGroup()


@contextlib.contextmanager
def join_process_group(device: str) -> Iterator[ProcessGroup]:
    """Join the processes that `torchrun` started, and yield the place of this one; without torchrun, a single process.

    Args:
        device: `cuda`: the process uses the GPU of its local rank, and NCCL; `cpu`: gloo.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield SINGLE_PROCESS
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        messages = distributed.new_group(backend="gloo", timeout=TIMEOUT)
        yield ProcessGroup(distributed.get_rank(), distributed.get_world_size(), messages)
    finally:
        distributed.destroy_process_group()


def _split_buckets(gradients: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Yield the gradients in groups of one type with at most BUCKET_ELEMENTS elements, or of one gradient."""
    bucket: list[torch.Tensor] = []
    for gradient in gradients:
        is_full = sum(item.numel() for item in bucket) + gradient.numel() > BUCKET_ELEMENTS
        if bucket and (is_full or bucket[0].dtype != gradient.dtype):
            yield bucket
            bucket = []
        bucket.append(gradient)
    if bucket:
        yield bucket
