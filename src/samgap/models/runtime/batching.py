"""Batch sizes from the free memory, halved when memory runs out."""

import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from samgap.errors import UserError
from samgap.models.runtime.device import get_free_memory_bytes

logger = logging.getLogger("samgap")

MAX_MEMORY_FRACTION = 0.5
"""Share of the free memory that a batch may use; the rest is a reserve for errors of the estimate."""

OUT_OF_MEMORY_TEXTS = ("can't allocate memory", "not enough memory", "CUDA out of memory")
"""Parts of the messages of plain RuntimeErrors with which torch reports that memory is exhausted."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class MemoryBatcher:
    """Splits work into batches that fit into memory. Measurements of a call apply to all later calls.

    Args:
        max_size: maximum number of items in a batch.
        device: `cpu` or `cuda`.
    """

    def __init__(self, max_size: int, device: str) -> None:
        self.max_size, self.device = max_size, device
        self.budget_bytes = float("inf")  # upper bound, lowered by batches that did not fit
        self.memory_ratio = 0.0  # highest measured ratio of used to estimated memory

    def compute_batch_size(self, bytes_per_item: float) -> int:
        """Return the number of items in the next batch.

        It is a power of two, so that small changes of the free memory do not change it.

        Args:
            bytes_per_item: estimated memory of one item.
        """
        budget_bytes = min(MAX_MEMORY_FRACTION * get_free_memory_bytes(self.device), self.budget_bytes)
        n_items = int(budget_bytes / (bytes_per_item * max(self.memory_ratio, 1.0)))
        return min(self.max_size, 1 << max(n_items, 1).bit_length() - 1)

    def map(
        self, items: Sequence[Item], bytes_per_item: float, function: Callable[[Sequence[Item]], Result]
    ) -> Iterator[tuple[Sequence[Item], Result]]:
        """Call `function` on batches of `items`.

        On out-of-memory the batch size is halved and `function` retried; it must be free of side effects.

        Args:
            items: all items, in order.
            bytes_per_item: estimated memory of one item.
            function: takes a slice of `items`.

        Yields:
            Each batch with the result of `function`.

        Raises:
            UserError: a single item does not fit into memory.
        """
        start = 0
        while start < len(items):
            batch = items[start : start + self.compute_batch_size(bytes_per_item)]
            result = self._attempt(len(batch), bytes_per_item, functools.partial(function, batch))
            if result is not None:
                yield batch, result[0]
                start += len(batch)

    def run(self, bytes_per_item: float, function: Callable[[int], Result]) -> Result:
        """Call package code that splits its work into batches, and return its result.

        On out-of-memory the batch size is halved and `function` retried; it must be free of side effects.

        Args:
            bytes_per_item: estimated memory of one item.
            function: takes the batch size.

        Raises:
            UserError: a single item does not fit into memory.
        """
        while True:
            batch_size = self.compute_batch_size(bytes_per_item)
            result = self._attempt(batch_size, bytes_per_item, functools.partial(function, batch_size))
            if result is not None:
                return result[0]

    def _attempt(self, n_items: int, bytes_per_item: float, function: Callable[[], Result]) -> tuple[Result] | None:
        """Return the result in a tuple, or None on out-of-memory.

        The cache is emptied after the `except` block, when the traceback no longer holds the tensors of `function`.
        """
        cuda = self.device == "cuda"
        if cuda:
            torch.cuda.reset_peak_memory_stats()
            allocated_before = torch.cuda.memory_allocated()
        try:
            result = function()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            if cuda:
                peak_bytes = torch.cuda.max_memory_allocated() - allocated_before
                self.memory_ratio = max(self.memory_ratio, peak_bytes / (n_items * bytes_per_item))
            return (result,)
        if cuda:
            torch.cuda.empty_cache()
        if n_items == 1:
            raise UserError(
                "out of memory with a single prompt; use smaller images, a smaller model, or a device with more memory"
            )
        self.budget_bytes = bytes_per_item * max(self.memory_ratio, 1.0) * (n_items // 2)
        logger.warning("out of memory with a batch of %d prompts; retrying with %d", n_items, n_items // 2)
        return None


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the memory of the GPU or of the machine is exhausted."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in OUT_OF_MEMORY_TEXTS)
