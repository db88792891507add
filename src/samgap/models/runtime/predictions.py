"""Conversion of a model's logits to `Prediction`s, in worker threads if a job has started them."""

from collections.abc import Sequence

import numpy as np
import torch

from samgap.models import Prediction
from samgap.models.runtime.binary_masks import build_predictions
from samgap.models.runtime.rle import MaskRuns, encode_rles, find_runs, upsample_to_masks, upsample_to_runs
from samgap.models.runtime.rle_workers import run_in_pool


def mark_not_finite(scores: np.ndarray, logits: torch.Tensor) -> tuple[np.ndarray, torch.Tensor]:
    """Return the scores, NaN for masks whose logits are not all finite, and whether these are, bool (N,) on the device.

    Args:
        scores: (N,).
        logits: (N, height, width).
    """
    is_finite = torch.isfinite(logits).flatten(1).all(dim=1)
    return np.where(is_finite.cpu().numpy(), scores, np.nan), is_finite


def threshold_logits(scores: np.ndarray, logits: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return scores, which are NaN for a mask whose logits are not all finite, and masks on the host, bool.

    A NaN is not positive, so without the score such a mask would look like an empty one.

    Args:
        scores: (N,).
        logits: (N, height, width).
    """
    scores, _ = mark_not_finite(scores, logits)
    return scores, (logits > 0).cpu().numpy()


def logits_to_predictions(
    scores: np.ndarray,
    boxes: np.ndarray | None,
    logits: torch.Tensor,
    size: tuple[int, int],
    *,
    presence: float | None = None,
    keep_empty: bool = False,
) -> Sequence[Prediction]:
    """Convert logits to predictions. The score of a mask with logits that are not finite is NaN.

    On a GPU the masks are upsampled there and only their runs are copied to the host. On a CPU a worker upsamples them.

    Args:
        scores: (N,), clipped to 0 to 1; infinity becomes NaN.
        boxes: (N, 4), x0, y0, x1, y1 in px; None for the bounding boxes of the masks.
        logits: (N, h, w); a mask is where they are positive after upsampling.
        size: height and width of the masks.
        presence: of all predictions (see `Prediction`).
        keep_empty: whether to return empty masks.
    """
    if not len(logits):
        return []
    scores, is_finite = mark_not_finite(scores, logits)
    if not is_finite.all():
        logits = torch.where(is_finite[:, None, None], logits, 0.0)
    if logits.is_cuda:
        mask_runs = find_runs(upsample_to_masks(logits, size))
        return run_in_pool(lambda: _encode_runs(scores, boxes, mask_runs, presence, keep_empty))
    host_logits = logits.float().numpy()
    return run_in_pool(lambda: _encode_runs(scores, boxes, upsample_to_runs(host_logits, size), presence, keep_empty))


def _encode_runs(
    scores: np.ndarray, boxes: np.ndarray | None, mask_runs: MaskRuns, presence: float | None, keep_empty: bool
) -> list[Prediction]:
    rles, areas_px, mask_boxes = encode_rles(mask_runs)
    boxes = mask_boxes if boxes is None else boxes
    return build_predictions(scores, boxes, areas_px, rles, keep_empty, presence)
