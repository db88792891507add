"""How many prompts are asked at once: as many as memory holds, and half as many after it ran out."""

import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from samgap.errors import UserError
from samgap.models.runtime.device import free_memory

logger = logging.getLogger("samgap")

SHARE = 0.5
"""Of the free memory, how much a batch may take: the rest is for what was not reckoned with."""

Item = TypeVar("Item")
Found = TypeVar("Found")


class Batches:
    """Batches of at most `most` prompts on `device`; what is learnt of memory holds for the rest of the job."""

    def __init__(self, most: int, device: str) -> None:
        self.most, self.device = most, device
        self.budget = float("inf")  # bytes; from the batches that did not fit
        self.measured = 0.0  # a prompt's measured share of memory to its reckoned one

    def size(self, each: float) -> int:
        """Prompts at once, where one takes `each` bytes. A power of two, so that it does not hang on single bytes."""
        fits = min(SHARE * free_memory(self.device), self.budget) / (each * max(self.measured, 1.0))
        return min(self.most, 1 << max(int(fits), 1).bit_length() - 1)

    def of(
        self, items: Sequence[Item], each: float, work: Callable[[Sequence[Item]], Found]
    ) -> Iterator[tuple[Sequence[Item], Found]]:
        """`work` done on all `items`, a batch at a time, with its results.

        A batch that runs out of memory is halved and done again, so `work` must leave nothing behind. One prompt that
        does not fit alone raises UserError.
        """
        start = 0
        while start < len(items):
            some = items[start : start + self.size(each)]
            found = self._tried(len(some), each, functools.partial(work, some))
            if found is not None:
                yield some, found[0]
                start += len(some)

    def whole(self, each: float, work: Callable[[int], Found]) -> Found:
        """`work` done whole, which is told how many it may do at once; when memory runs out again, with half as many.

        For package code that makes its batches itself.
        """
        while True:
            number = self.size(each)
            found = self._tried(number, each, functools.partial(work, number))
            if found is not None:
                return found[0]

    def _tried(self, number: int, each: float, work: Callable[[], Found]) -> tuple[Found] | None:
        """The result in a tuple, or None when memory ran out; its frames, and what they hold, are gone by then."""
        cuda = self.device == "cuda"
        if cuda:
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
        try:
            found = work()
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        else:
            if cuda:
                peak = (torch.cuda.max_memory_allocated() - before) / (number * each)
                self.measured = max(self.measured, peak)
            return (found,)
        if cuda:
            torch.cuda.empty_cache()
        if number == 1:
            raise UserError(
                "not even one prompt of an image fits into the memory; take smaller images, a smaller model, or a "
                "device with more"
            )
        self.budget = each * max(self.measured, 1.0) * (number // 2)
        logger.warning("out of memory with %d prompts at once: going on with %d", number, number // 2)
        return None


def out_of_memory(error: BaseException) -> bool:
    """Is it that memory ran out, of a GPU or of the machine?"""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(
        told in str(error) for told in ("can't allocate memory", "not enough memory", "CUDA out of memory")
    )
