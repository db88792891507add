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
from samgap.models.runtime.rle import encode_rles, find_runs, upsample_to_masks, upsample_to_runs

MAX_PENDING_BATCHES = 4
"""Batches of masks that may wait for a worker; further ones keep the model waiting, so that memory stays bounded."""


class PendingPredictions(Sequence[Prediction]):
    """Predictions that a worker is making; whoever looks at them waits."""

    def __init__(self, future: "Future[list[Prediction]]") -> None:
        self.future = future

    def __len__(self) -> int:
        return len(self.future.result())

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self.future.result()[index]


class _RleWorkerPool:
    def __init__(self, n_threads: int) -> None:
        # One thread each: the model has the machine's other cores.
        self.executor = ThreadPoolExecutor(n_threads, "rle", initializer=torch.set_num_threads, initargs=(1,))
        self.free_slots = threading.Semaphore(n_threads + MAX_PENDING_BATCHES)

    def submit(self, function: Callable[[], list[Prediction]]) -> PendingPredictions:
        self.free_slots.acquire()
        future = self.executor.submit(function)
        future.add_done_callback(lambda _: self.free_slots.release())
        return PendingPredictions(future)


_active_pool: ContextVar[_RleWorkerPool | None] = ContextVar("workers", default=None)


@contextlib.contextmanager
def rle_worker_pool(n_threads: int) -> Iterator[None]:
    """Let `number` threads make the RLEs of what is predicted inside; none are left when it ends."""
    mine = _RleWorkerPool(n_threads)
    token = _active_pool.set(mine)
    try:
        yield
    finally:
        _active_pool.reset(token)
        mine.executor.shutdown(wait=True, cancel_futures=True)


def masks_to_predictions(
    scores: np.ndarray, boxes: np.ndarray | None, masks: np.ndarray, keep_empty: bool = False
) -> list[Prediction]:
    """`scores` (N,), `boxes` (N, 4) px or None for the masks' own, bool `masks` (N, height, width).

    Empty masks go, unless `empty` keeps them, or their score is no number: that whoever asked must see.
    """
    if not len(masks):
        return []
    rles = coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))
    own = coco_mask.toBbox(rles)
    own[:, 2:] += own[:, :2]
    return _build_predictions(
        scores, own if boxes is None else boxes, areas(rles), [rle["counts"] for rle in rles], keep_empty
    )


def logits_to_predictions(
    scores: np.ndarray, boxes: np.ndarray | None, logits: torch.Tensor, size: tuple[int, int]
) -> Sequence[Prediction]:
    """The same of `logits` (N, h, w), whose masks are where they are positive once brought to `size` (height, width).

    On a GPU the masks are enlarged there and their runs alone fetched; else that is the workers' task too.
    """
    if not len(logits):
        return []
    if logits.is_cuda:
        found = find_runs(upsample_to_masks(logits, size))
        return _submit(lambda: _encode_runs(scores, boxes, found))
    low = logits.float().numpy()
    return _submit(lambda: _encode_runs(scores, boxes, upsample_to_runs(low, size)))


def _submit(function: Callable[[], list[Prediction]]) -> Sequence[Prediction]:
    mine = _active_pool.get()
    return function() if mine is None else mine.submit(function)


def _encode_runs(scores, boxes, mask_runs) -> list[Prediction]:  # type: ignore[no-untyped-def]
    rles, sizes, own = encode_rles(mask_runs)
    return _build_predictions(scores, own if boxes is None else boxes, sizes, rles, False)


def _build_predictions(
    scores: np.ndarray, boxes: np.ndarray, areas_px: np.ndarray, rles: Sequence[bytes], keep_empty: bool
) -> list[Prediction]:
    return [
        Prediction(float(score), tuple(float(edge) for edge in box), int(area), counts)  # type: ignore[arg-type]
        for score, box, area, counts in zip(np.clip(scores, 0.0, 1.0), boxes, areas_px, rles, strict=True)
        if area or keep_empty or np.isnan(score)
    ]
