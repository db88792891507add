"""From a model's arrays to `Prediction`s, at once or, where a job has workers for it, while the model goes on."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar

import numpy as np
import torch
from pycocotools import mask as coco_mask

from samgap.masks.rle import areas
from samgap.models import Prediction
from samgap.models.runtime.rle import compressed, enlarged, enlarged_runs, runs

WAITING = 4
"""Batches of masks that may wait for a worker; further ones keep the model waiting, so that memory stays bounded."""


class Later(Sequence[Prediction]):
    """Predictions that a worker is making; whoever looks at them waits."""

    def __init__(self, work: "Future[list[Prediction]]") -> None:
        self.work = work

    def __len__(self) -> int:
        return len(self.work.result())

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self.work.result()[index]


class _Workers:
    def __init__(self, number: int) -> None:
        # One thread each: the model has the machine's other cores.
        self.pool = ThreadPoolExecutor(number, "rle", initializer=torch.set_num_threads, initargs=(1,))
        self.free = threading.Semaphore(number + WAITING)

    def later(self, work: Callable[[], list[Prediction]]) -> Later:
        self.free.acquire()
        future = self.pool.submit(work)
        future.add_done_callback(lambda _: self.free.release())
        return Later(future)


_workers: ContextVar[_Workers | None] = ContextVar("workers", default=None)


@contextlib.contextmanager
def workers(number: int) -> Iterator[None]:
    """Let `number` threads make the RLEs of what is predicted inside; none are left when it ends."""
    mine = _Workers(number)
    token = _workers.set(mine)
    try:
        yield
    finally:
        _workers.reset(token)
        mine.pool.shutdown(wait=True, cancel_futures=True)


def predictions(
    scores: np.ndarray, boxes: np.ndarray | None, masks: np.ndarray, empty: bool = False
) -> list[Prediction]:
    """`scores` (N,), `boxes` (N, 4) px or None for the masks' own, bool `masks` (N, height, width).

    Empty masks go, unless `empty` keeps them, or their score is no number: that whoever asked must see.
    """
    if not len(masks):
        return []
    rles = coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))
    own = coco_mask.toBbox(rles)
    own[:, 2:] += own[:, :2]
    return _made(scores, own if boxes is None else boxes, areas(rles), [rle["counts"] for rle in rles], empty)


def from_logits(
    scores: np.ndarray, boxes: np.ndarray | None, logits: torch.Tensor, size: tuple[int, int]
) -> Sequence[Prediction]:
    """The same of `logits` (N, h, w), whose masks are where they are positive once brought to `size` (height, width).

    On a GPU the masks are enlarged there and their runs alone fetched; else that is the workers' task too.
    """
    if not len(logits):
        return []
    if logits.is_cuda:
        found = runs(enlarged(logits, size))
        return _later(lambda: _encoded(scores, boxes, found))
    low = logits.float().numpy()
    return _later(lambda: _encoded(scores, boxes, enlarged_runs(low, size)))


def _later(work: Callable[[], list[Prediction]]) -> Sequence[Prediction]:
    mine = _workers.get()
    return work() if mine is None else mine.later(work)


def _encoded(scores, boxes, found) -> list[Prediction]:  # type: ignore[no-untyped-def]
    rles, sizes, own = compressed(found)
    return _made(scores, own if boxes is None else boxes, sizes, rles, False)


def _made(
    scores: np.ndarray, boxes: np.ndarray, sizes: np.ndarray, rles: Sequence[bytes], empty: bool
) -> list[Prediction]:
    return [
        Prediction(float(score), tuple(float(edge) for edge in box), int(area), counts)  # type: ignore[arg-type]
        for score, box, area, counts in zip(np.clip(scores, 0.0, 1.0), boxes, sizes, rles, strict=True)
        if area or empty or np.isnan(score)
    ]
