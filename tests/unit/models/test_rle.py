"""Run lengths against pycocotools, and masks enlarged around what is positive against torch's whole ones."""

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from scipy import ndimage

from samgap.models.runtime import predictions
from samgap.models.runtime.rle import encode_rles, find_runs, upsample_to_masks, upsample_to_runs


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (13, 17), (60, 90)])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99, 1])
def test_counts_areas_and_boxes_are_those_of_pycocotools(shape, share):
    masks = np.random.default_rng(0).random((7, *shape)) < share
    rles, areas, boxes = encode_rles(find_runs(torch.from_numpy(masks)))
    wanted = coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))
    assert rles == [one["counts"] for one in wanted]
    assert areas.tolist() == masks.sum(axis=(1, 2)).tolist()
    own = coco_mask.toBbox(wanted)
    own[:, 2:] += own[:, :2]
    assert boxes.tolist() == own.tolist()


@pytest.mark.parametrize("low", [(36, 36), (64, 64), (4, 4)])
@pytest.mark.parametrize("size", [(60, 90), (512, 512), (1, 1), (40, 33), (100, 3), (8, 2000)])
def test_enlarging_near_what_is_positive_is_enlarging_all(low, size):
    random = np.random.default_rng(0)
    logits = ndimage.gaussian_filter(random.normal(size=(20, *low)), (0, 2, 2)).astype(np.float32) - 0.1
    logits[3], logits[4], logits[5, 1:, 1:] = -1, 1, -1
    near, whole = upsample_to_runs(logits, size), find_runs(upsample_to_masks(torch.from_numpy(logits), size))
    differing = np.zeros(20)
    for index, (one, other) in enumerate(zip(encode_rles(near)[0], encode_rles(whole)[0], strict=True)):
        masks = [coco_mask.decode({"size": size, "counts": counts}) for counts in (one, other)]
        differing[index] = (masks[0] != masks[1]).mean()
    # A value within rounding of zero may fall on either side.
    assert differing.max() <= 1e-4


def test_workers_give_what_is_given_without_them_and_hold_the_model_up_when_too_much_waits(monkeypatch):
    logits = torch.from_numpy(np.random.default_rng(1).normal(size=(5, 16, 16)).astype(np.float32))
    scores = np.linspace(0.1, 0.9, 5)
    at_once = predictions.logits_to_predictions(scores, None, logits, (50, 40))
    with predictions.rle_worker_pool(1):
        later = [predictions.logits_to_predictions(scores, None, logits, (50, 40)) for _ in range(20)]
        assert all(list(one) == at_once for one in later)
        assert later[0][0] == at_once[0] and len(later[0]) == len(at_once)
        # All are done, so as many may wait again; one more is not let in.
        free = predictions._active_pool.get().free_slots
        assert all(free.acquire(timeout=5) for _ in range(1 + predictions.MAX_PENDING_BATCHES))
        assert not free.acquire(blocking=False)
        for _ in range(1 + predictions.MAX_PENDING_BATCHES):
            free.release()


def test_a_worker_s_error_reaches_whoever_looks(monkeypatch):
    monkeypatch.setattr(predictions, "upsample_to_runs", lambda *_: 1 / 0)
    with predictions.rle_worker_pool(1), pytest.raises(ZeroDivisionError):
        list(predictions.logits_to_predictions(np.ones(1), None, torch.ones(1, 4, 4), (8, 8)))
