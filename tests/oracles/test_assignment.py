"""Matching of a prompt against an assignment of decoded masks."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from samgap.masks import rle as rle_masks
from samgap.matching.shard import match_shard
from samgap.tables.matching import IOU_THRESHOLDS
from tests.helpers.scenes import random_shard


def match_decoded(masks, prompt, truth):
    """Return the numbers of instances, predictions and true positives, and the sum of IoU."""
    rows = masks[(masks["prompt_id"] == prompt.prompt_id) & (masks["score"] >= 0.5)].sort_values("prediction_id")
    predicted = [rle_masks.decode({"size": [24, 30], "counts": rle}) for rle in rows["rle"]]
    instances = [item.decode_mask() for item in truth.instances_of(prompt.image_id) if item.id in prompt.truth_ids]
    iou = np.array(
        [[(mask & truth_mask).sum() / (mask | truth_mask).sum() for truth_mask in instances] for mask in predicted]
    )
    iou = iou.reshape(len(predicted), len(instances))
    assigned = iou[linear_sum_assignment(-iou)]
    return (
        len(instances),
        len(predicted),
        [int((assigned >= threshold).sum()) for threshold in IOU_THRESHOLDS],
        assigned.sum(),
    )


@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_those_of_an_independent_assignment(seed):
    masks, prompts, truth, images = random_shard(seed)
    _, instances, pairs = match_shard(masks, prompts, truth, images, 0.5)
    assert pairs["prompt_id"].tolist() == prompts["prompt_id"].tolist()
    assert (pairs["n_predicted"] == 0).any() and (pairs["n_truth"] == 0).any() and pairs["tp"].map(sum).sum() > 50
    for prompt, row in zip(prompts.itertuples(), pairs.itertuples(), strict=True):
        n_truth, n_predicted, tp, total = match_decoded(masks, prompt, truth)
        assert (row.n_truth, row.n_predicted, row.tp) == (n_truth, n_predicted, tp)
        assert row.sum_iou == pytest.approx(total, abs=1e-12)
    counts = instances["outcome"].value_counts()
    assert counts["matched"] == sum(tp[0] for tp in pairs["tp"])
    assert counts["matched"] + counts["missed"] == pairs["n_truth"].sum()
    assert counts["matched"] + counts["false"] == pairs["n_predicted"].sum()
    for name in ("iou", "dice", "boundary_f_2px"):
        assert instances[name].sum() == pytest.approx(pairs[f"sum_{name}"].sum())


def test_overlaps_are_all_intersecting_pairs():
    masks, prompts, truth, images = random_shard(9)
    overlaps, _, _ = match_shard(masks, prompts, truth, images, 0.5)
    by_ids = overlaps.set_index(["prompt_id", "prediction_id", "truth_id"])
    count = 0
    for row in masks.itertuples():
        mask = rle_masks.decode({"size": [24, 30], "counts": row.rle})
        truth_ids = prompts.set_index("prompt_id").at[row.prompt_id, "truth_ids"]
        for item in truth.instances_of(row.image_id):
            intersection = (mask & item.decode_mask()).sum()
            if intersection:
                count += 1
                row_of_pair = by_ids.loc[(row.prompt_id, row.prediction_id, item.id)]
                assert row_of_pair["intersection_px"] == intersection
                assert row_of_pair["iou"] == intersection / (mask | item.decode_mask()).sum()
                assert row_of_pair["ioa"] == intersection / mask.sum()
                assert row_of_pair["target"] == (item.id in truth_ids) and not row_of_pair["ignore"]
    assert len(overlaps) == count > 100
