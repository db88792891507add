"""How many prompts are asked at once: as many as memory holds, and half as many after it ran out."""

import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from samgap.errors import UserError
from samgap.models.runtime.device import get_free_memory_bytes

logger = logging.getLogger("samgap")

MAX_MEMORY_FRACTION = 0.5
"""Of the free memory, how much a batch may take: the rest is for what was not reckoned with."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class MemoryBatcher:
    """Batches of at most `most` prompts on `device`; what is learnt of memory holds for the rest of the job."""

    def __init__(self, max_size: int, device: str) -> None:
        self.max_size, self.device = max_size, device
        self.budget_bytes = float("inf")  # bytes; from the batches that did not fit
        self.memory_ratio = 0.0  # a prompt's measured share of memory to its reckoned one

    def batch_size(self, bytes_per_item: float) -> int:
        """Prompts at once, where one takes `each` bytes. A power of two, so that it does not hang on single bytes."""
        fits = min(MAX_MEMORY_FRACTION * get_free_memory_bytes(self.device), self.budget_bytes) / (
            bytes_per_item * max(self.memory_ratio, 1.0)
        )
        return min(self.max_size, 1 << max(int(fits), 1).bit_length() - 1)

    def map(
        self, items: Sequence[Item], bytes_per_item: float, function: Callable[[Sequence[Item]], Result]
    ) -> Iterator[tuple[Sequence[Item], Result]]:
        """`work` done on all `items`, a batch at a time, with its results.

        A batch that runs out of memory is halved and done again, so `work` must leave nothing behind. One prompt that
        does not fit alone raises UserError.
        """
        start = 0
        while start < len(items):
            some = items[start : start + self.batch_size(bytes_per_item)]
            found = self._attempt(len(some), bytes_per_item, functools.partial(function, some))
            if found is not None:
                yield some, found[0]
                start += len(some)

    def run(self, bytes_per_item: float, function: Callable[[int], Result]) -> Result:
        """`work` done whole, which is told how many it may do at once; when memory runs out again, with half as many.

        For package code that makes its batches itself.
        """
        while True:
            number = self.batch_size(bytes_per_item)
            found = self._attempt(number, bytes_per_item, functools.partial(function, number))
            if found is not None:
                return found[0]

    def _attempt(self, n_items: int, bytes_per_item: float, function: Callable[[], Result]) -> tuple[Result] | None:
        """The result in a tuple, or None when memory ran out; its frames, and what they hold, are gone by then."""
        cuda = self.device == "cuda"
        if cuda:
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
        try:
            found = function()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            if cuda:
                peak = (torch.cuda.max_memory_allocated() - before) / (n_items * bytes_per_item)
                self.memory_ratio = max(self.memory_ratio, peak)
            return (found,)
        if cuda:
            torch.cuda.empty_cache()
        if n_items == 1:
            raise UserError(
                "not even one prompt of an image fits into the memory; take smaller images, a smaller model, or a "
                "device with more"
            )
        self.budget_bytes = bytes_per_item * max(self.memory_ratio, 1.0) * (n_items // 2)
        logger.warning("out of memory with %d prompts at once: going on with %d", n_items, n_items // 2)
        return None


def is_out_of_memory(error: BaseException) -> bool:
    """Is it that memory ran out, of a GPU or of the machine?"""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(
        told in str(error) for told in ("can't allocate memory", "not enough memory", "CUDA out of memory")
    )
