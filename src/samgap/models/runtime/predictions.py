"""Conversion of masks and logits to `Prediction`s, in worker threads if a job has started them."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar

import numpy as np
import torch
from pycocotools import mask as coco_mask

from samgap.masks.rle import compute_areas
from samgap.models import Prediction
from samgap.models.runtime.rle import MaskRuns, encode_rles, find_runs, upsample_to_masks, upsample_to_runs

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
    """Threads that encode masks, with a limit on the number of waiting batches."""

    def __init__(self, n_threads: int) -> None:
        # One torch thread per worker: the model uses the other cores.
        self.executor = ThreadPoolExecutor(n_threads, "rle", initializer=torch.set_num_threads, initargs=(1,))
        self.free_slots = threading.Semaphore(n_threads + MAX_PENDING_BATCHES)

    def submit(self, function: Callable[[], list[Prediction]]) -> PendingPredictions:
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


def threshold_logits(scores: np.ndarray, logits: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return scores, which are NaN for a mask whose logits are not all finite, and masks on the host, bool.

    A NaN is not positive, so without the score such a mask would look like an empty one.

    Args:
        scores: (N,).
        logits: (N, height, width).
    """
    finite = torch.isfinite(logits).flatten(1).all(dim=1).cpu().numpy()
    return np.where(finite, scores, np.nan), (logits > 0).cpu().numpy()


def masks_to_predictions(
    scores: np.ndarray, boxes: np.ndarray | None, masks: np.ndarray, keep_empty: bool = False
) -> list[Prediction]:
    """Convert binary masks to predictions.

    Args:
        scores: (N,), clipped to 0 to 1; infinity becomes NaN.
        boxes: (N, 4), x0, y0, x1, y1 in px; None for the bounding boxes of the masks.
        masks: bool (N, height, width).
        keep_empty: whether to return empty masks. Those with a NaN score are always returned, so that the caller can
            report them.
    """
    if not len(masks):
        return []
    rles = coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))
    mask_boxes = coco_mask.toBbox(rles)
    mask_boxes[:, 2:] += mask_boxes[:, :2]
    return _build_predictions(
        scores, mask_boxes if boxes is None else boxes, compute_areas(rles), [rle["counts"] for rle in rles], keep_empty
    )


def logits_to_predictions(
    scores: np.ndarray, boxes: np.ndarray | None, logits: torch.Tensor, size: tuple[int, int]
) -> Sequence[Prediction]:
    """Convert logits to predictions, without empty masks. The score of a mask with logits that are not finite is NaN.

    On a GPU the masks are upsampled there and only their runs are copied to the host. On a CPU a worker upsamples them.

    Args:
        scores: (N,), clipped to 0 to 1; infinity becomes NaN.
        boxes: (N, 4), x0, y0, x1, y1 in px; None for the bounding boxes of the masks.
        logits: (N, h, w); a mask is where they are positive after upsampling.
        size: height and width of the masks.
    """
    if not len(logits):
        return []
    finite = torch.isfinite(logits).flatten(1).all(dim=1)
    if not finite.all():
        scores = np.where(finite.cpu().numpy(), scores, np.nan)
        logits = torch.where(finite[:, None, None], logits, 0.0)
    if logits.is_cuda:
        mask_runs = find_runs(upsample_to_masks(logits, size))
        return _submit(lambda: _encode_runs(scores, boxes, mask_runs))
    host_logits = logits.float().numpy()
    return _submit(lambda: _encode_runs(scores, boxes, upsample_to_runs(host_logits, size)))


def _submit(function: Callable[[], list[Prediction]]) -> Sequence[Prediction]:
    pool = _active_pool.get()
    return function() if pool is None else pool.submit(function)


def _encode_runs(scores: np.ndarray, boxes: np.ndarray | None, mask_runs: MaskRuns) -> list[Prediction]:
    rles, areas_px, mask_boxes = encode_rles(mask_runs)
    return _build_predictions(scores, mask_boxes if boxes is None else boxes, areas_px, rles, False)


def _build_predictions(
    scores: np.ndarray, boxes: np.ndarray, areas_px: np.ndarray, rles: Sequence[bytes], keep_empty: bool
) -> list[Prediction]:
    scores = np.where(np.isfinite(scores), np.clip(scores, 0.0, 1.0), np.nan)
    return [
        Prediction(float(score), tuple(float(edge) for edge in box), int(area), counts)  # type: ignore[arg-type]
        for score, box, area, counts in zip(scores, boxes, areas_px, rles, strict=True)
        if area or keep_empty or np.isnan(score)
    ]
