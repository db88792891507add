"""Predictions from logits, at once and by worker threads."""

import numpy as np
import pytest
import torch

from samgap.models.runtime import predictions, rle_workers
from samgap.models.runtime.binary_masks import masks_to_predictions


def test_workers_give_the_same_predictions_and_block_when_too_many_batches_wait():
    logits = torch.from_numpy(np.random.default_rng(1).normal(size=(5, 16, 16)).astype(np.float32))
    scores = np.linspace(0.1, 0.9, 5)
    immediate = predictions.logits_to_predictions(scores, None, logits, (50, 40))
    with rle_workers.rle_worker_pool(1):
        pending = [predictions.logits_to_predictions(scores, None, logits, (50, 40)) for _ in range(20)]
        assert all(list(batch) == immediate for batch in pending)
        assert pending[0][0] == immediate[0] and len(pending[0]) == len(immediate)
        # All batches are done, so all slots are free, and no more than those.
        free_slots = rle_workers._active_pool.get().free_slots
        assert all(free_slots.acquire(timeout=5) for _ in range(1 + rle_workers.MAX_PENDING_BATCHES))
        assert not free_slots.acquire(blocking=False)
        for _ in range(1 + rle_workers.MAX_PENDING_BATCHES):
            free_slots.release()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_and_logits_that_are_not_finite_give_nan_scores(value):
    logits = torch.ones(4, 8, 8)
    logits[1, 3, 3] = value
    scores = np.array([0.5, 0.6, value, 0.7])
    with rle_workers.rle_worker_pool(1):
        for batch in (
            predictions.logits_to_predictions(scores, None, logits, (16, 16)),
            masks_to_predictions(*add_boxes(predictions.threshold_logits(scores, logits))),
        ):
            assert [prediction.score for prediction in batch] == pytest.approx([0.5, np.nan, np.nan, 0.7], nan_ok=True)
            assert batch[0].area == batch[3].area > 0


def add_boxes(scores_and_masks):
    scores, masks = scores_and_masks
    return scores, None, masks
