"""Worker threads that encode masks while the model runs on the next images.

Without torch at import: a family without a network is predicted without it.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar

from samgap.models import Prediction

MAX_PENDING_BATCHES = 4
"""Maximum number of batches that wait for a worker. Further ones block the model, which bounds the memory."""


class PendingPredictions(Sequence[Prediction]):
    """Predictions that a worker thread computes. Reading them waits for the result."""

    def __init__(self, future: "Future[list[Prediction]]") -> None:
        self.future = future

    def __len__(self) -> int:
        return len(self.future.result())

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self.future.result()[index]


class _RleWorkerPool:
    """Threads that encode masks, with a limit on the number of waiting batches. They start with the first batch."""

    def __init__(self, n_threads: int) -> None:
        self.executor = ThreadPoolExecutor(n_threads, "rle", initializer=_use_one_torch_thread)
        self.free_slots = threading.Semaphore(n_threads + MAX_PENDING_BATCHES)

    def submit(self, function: Callable[[], list[Prediction]]) -> PendingPredictions:
        """Return the predictions that a worker will compute with `function`. Blocks while too many batches wait."""
        self.free_slots.acquire()
        future = self.executor.submit(function)
        future.add_done_callback(lambda _: self.free_slots.release())
        return PendingPredictions(future)


_active_pool: ContextVar[_RleWorkerPool | None] = ContextVar("rle_worker_pool", default=None)


@contextlib.contextmanager
def rle_worker_pool(n_threads: int) -> Iterator[None]:
    """Encode masks in worker threads inside this context; all threads end with it.

    Args:
        n_threads: number of worker threads.
    """
    pool = _RleWorkerPool(n_threads)
    token = _active_pool.set(pool)
    try:
        yield
    finally:
        _active_pool.reset(token)
        pool.executor.shutdown(wait=True, cancel_futures=True)


def run_in_pool(function: Callable[[], list[Prediction]]) -> Sequence[Prediction]:
    """Return the predictions of `function`, which a worker calls if a pool is active."""
    pool = _active_pool.get()
    return function() if pool is None else pool.submit(function)


def _use_one_torch_thread() -> None:
    """Limit a worker to one torch thread: the model uses the other cores."""
    import torch  # imported already by the model whose logits are encoded

    torch.set_num_threads(1)
