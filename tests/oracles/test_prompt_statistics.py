"""Columns of table `pairs` against values from whole decoded masks; calibration against torchmetrics."""

from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torchmetrics.functional.classification import binary_calibration_error

from samgap.masks import rle
from samgap.tables.matching import IOU_THRESHOLDS, SCORE_THRESHOLDS
from tests.helpers.reference import ReferenceShard, box_iou, iou
from tests.helpers.sums import confusion_matrix, evaluate


@pytest.fixture(scope="module", params=range(2))
def shard(request):
    return ReferenceShard(request.param)


def union(masks):
    return np.logical_or.reduce([np.zeros((300, 380), bool), *masks])


def test_score_sweeps(shard):
    for prompt in shard.iter_phrase_prompts():
        row = shard.pairs.loc[prompt.prompt_id]
        for index, score in enumerate(SCORE_THRESHOLDS):
            masks = [mask for _, mask in shard.decode_predictions(prompt, score)]
            n_matched = sum(value >= 0.5 for *_, value in shard.match_masks(masks, shard.target_instances(prompt)))
            assert (row["sweep_predicted"][index], row["sweep_tp"][index]) == (len(masks), n_matched)


def test_unions_and_shares_outside_the_instances(shard):
    for prompt in shard.iter_phrase_prompts():
        row, masks = shard.pairs.loc[prompt.prompt_id], [mask for _, mask in shard.decode_predictions(prompt)]
        truth = union([item.decode_mask() for item in shard.target_instances(prompt)])
        annotated = union([item.decode_mask() for item in shard.truth.instances_of(prompt.image_id)])
        predicted = union(masks)
        counts = truth.sum(), predicted.sum(), (truth & predicted).sum()
        assert tuple(row[["truth_px", "predicted_px", "common_px"]]) == counts
        assert row["sum_off"] == pytest.approx(sum((mask & ~truth).sum() / mask.sum() for mask in masks))
        assert row["sum_leak"] == pytest.approx(sum((mask & annotated).sum() / mask.sum() for mask in masks))
        covered = sum(
            any(iou(mask, item.decode_mask()) >= 0.5 for mask in masks) for item in shard.target_instances(prompt)
        )
        assert row["covered"] == covered


def test_measures_of_index_paired_masks(shard):
    for prompt in shard.iter_phrase_prompts():
        row = shard.pairs.loc[prompt.prompt_id]
        pairs = list(
            zip([mask for _, mask in shard.decode_predictions(prompt)], shard.target_instances(prompt), strict=False)
        )
        values = [iou(mask, item.decode_mask()) for mask, item in pairs]
        assert row["upstream_n"] == len(pairs) and row["upstream_iou"] == pytest.approx(sum(values))
        assert row["upstream_dice"] == pytest.approx(sum(2 * value / (1 + value) for value in values))


def test_clicks(shard):
    for prompt in shard.prompts[shard.prompts["kind"] == "clicks"].itertuples():
        (item,) = shard.target_instances(prompt)
        ious = [iou(mask, item.decode_mask()) for _, mask in shard.decode_predictions(prompt, 0.0)]
        assert shard.pairs.at[prompt.prompt_id, "click_iou"] == pytest.approx(ious)
        assert shard.pairs.at[prompt.prompt_id, "sum_iou"] == pytest.approx(ious[-1])


def test_boxes(shard):
    for prompt in shard.iter_phrase_prompts():
        rows = [row for row in shard.rows_by_prompt.get(prompt.prompt_id, []) if row.score >= 0.5]
        boxes = [np.array([row.x0, row.y0, row.x1, row.y1]) for row in rows]
        items = [np.array(item.box, float) for item in shard.target_instances(prompt)]
        matrix = np.array([[box_iou(box, truth_box) for truth_box in items] for box in boxes]).reshape(
            len(boxes), len(items)
        )
        ious = matrix[linear_sum_assignment(-matrix)]
        row = shard.pairs.loc[prompt.prompt_id]
        assert row["box_tp"] == [int((ious >= threshold).sum()) for threshold in IOU_THRESHOLDS] and row[
            "box_predicted"
        ] == len(boxes)


def test_paraphrases(shard):
    concepts = defaultdict(list)
    for prompt in shard.iter_phrase_prompts():
        if prompt.concept is not None:
            masks = [mask for _, mask in shard.decode_predictions(prompt)]
            concepts[prompt.image_id, prompt.concept].append(union(masks))
    values = [iou(*pair) for masks in concepts.values() for pair in combinations(masks, 2)]
    assert evaluate("prompt-sensitivity-agreement", shard.pairs) == pytest.approx(np.mean(values))


def test_attribute_decisions_and_assigned_values(shard):
    claimed, n_correct, n_decisions = {}, 0, 0
    for prompt in shard.iter_phrase_prompts():
        items = [item for item in shard.truth.instances_of(prompt.image_id) if item.noun in prompt.nouns]
        predictions = shard.decode_predictions(prompt)
        score_by_instance = {
            items[column].id: predictions[row][0]
            for row, column, value in shard.match_masks([mask for _, mask in predictions], items)
            if value >= 0.5
        }
        n_correct += sum((item.id in score_by_instance) == (item.id in prompt.truth_ids) for item in items) * (
            len(prompt.attributes) == 2
        )
        n_decisions += len(items) * (len(prompt.attributes) == 2)
        if len(prompt.attributes) == 1:
            for key, score in score_by_instance.items():
                if score > claimed.get(key, (0, None))[0]:
                    claimed[key] = score, prompt.attributes[0][1]
    assert evaluate("compositional-accuracy-2", shard.pairs) == pytest.approx(n_correct / n_decisions)
    counts = Counter()
    for prompt in shard.iter_phrase_prompts():
        if len(prompt.attributes) == 1:
            counts.update((prompt.attributes[0][1], claimed.get(key, (0, ""))[1]) for key in prompt.truth_ids)
    matrix = confusion_matrix(shard.pairs, "ripeness").stack()
    assert {key: count for key, count in matrix.items() if count} == dict(counts)
    assigned = {key: count for key, count in counts.items() if key[1]}
    accuracy = sum(count for key, count in assigned.items() if key[0] == key[1]) / sum(assigned.values())
    assert evaluate("attribute-accuracy", shard.pairs) == pytest.approx(accuracy)
    assert evaluate("attribute-accuracy-found", shard.pairs) == sum(assigned.values()) / counts.total()


def test_calibration_is_torchmetrics(shard):
    rows = shard.pairs[shard.pairs["kind"] == "phrase"]
    scores = np.concatenate([*rows["scores"]])
    is_correct = np.concatenate([*rows["hits_mask_all"]]) & 1
    # A float32 score at the edge of a bin may fall into either bin.
    expected = binary_calibration_error(torch.tensor(scores, dtype=torch.float64), torch.tensor(is_correct), n_bins=10)
    assert evaluate("calibration", rows) == pytest.approx(float(expected), abs=1e-6)


def test_measures_of_every_instance(shard):
    size = (300, 380)
    masks = {(row.prompt_id, row.prediction_id): row for rows in shard.rows_by_prompt.values() for row in rows}
    items = {item.id: item for rows in shard.truth.instances.values() for item in rows}
    prompted = shard.instances[shard.instances["truth_id"].notna()]
    for row in prompted.itertuples():
        if pd.isna(row.prediction_id):
            assert row.iou == row.boundary_iou == 0 and np.isnan(row.hausdorff_95_px)
            continue
        prediction, item = masks[row.prompt_id, row.prediction_id], items[row.truth_id]
        mask, truth = rle.decode({"size": list(size), "counts": prediction.rle}), item.decode_mask()
        assert row.iou == pytest.approx(iou(mask, truth)) and row.area_px == mask.sum()
        assert row.area_error == pytest.approx(abs(mask.sum() - truth.sum()) / truth.sum())
        edges = np.abs(np.array([prediction.x0, prediction.y0, prediction.x1, prediction.y1]) - item.box) / [
            380,
            300,
            380,
            300,
        ]
        assert row.box_error == pytest.approx(edges.sum())
