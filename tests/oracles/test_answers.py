"""Every column of table `pairs`, done again from whole decoded masks; calibration against torchmetrics."""

from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torchmetrics.functional.classification import binary_calibration_error

from samgap.masks import rle as rles
from samgap.metrics import evaluate
from samgap.metrics.attribute_accuracy import confusion_matrix
from samgap.tables.matching import IOU_THRESHOLDS, SCORE_THRESHOLDS
from tests.helpers.again import ReferenceShard, box_iou, iou


@pytest.fixture(scope="module", params=range(2))
def again(request):
    return ReferenceShard(request.param)


def together(masks, shape):
    return np.logical_or.reduce([np.zeros(shape, bool), *masks])


def test_sweeps(again):
    for prompt in again.iter_phrase_prompts():
        row = again.pairs.loc[prompt.prompt_id]
        for place, score in enumerate(SCORE_THRESHOLDS):
            kept = [mask for _, mask in again.decode_predictions(prompt, score)]
            hits = sum(value >= 0.5 for *_, value in again.match_masks(kept, again.target_instances(prompt)))
            assert (row["sweep_predicted"][place], row["sweep_tp"][place]) == (len(kept), hits)


def test_sets(again):
    for prompt in again.iter_phrase_prompts():
        row, kept = again.pairs.loc[prompt.prompt_id], [mask for _, mask in again.decode_predictions(prompt)]
        shape = (300, 380)
        truth = together([item.decode_mask() for item in again.target_instances(prompt)], shape)
        labelled = together([item.decode_mask() for item in again.truth.instances_of(prompt.image_id)], shape)
        answer = together(kept, shape)
        counts = truth.sum(), answer.sum(), (truth & answer).sum()
        assert tuple(row[["truth_px", "predicted_px", "common_px"]]) == counts
        assert row["sum_off"] == pytest.approx(sum((mask & ~truth).sum() / mask.sum() for mask in kept))
        assert row["sum_leak"] == pytest.approx(sum((mask & labelled).sum() / mask.sum() for mask in kept))
        covered = sum(
            any(iou(mask, item.decode_mask()) >= 0.5 for mask in kept) for item in again.target_instances(prompt)
        )
        assert row["covered"] == covered


def test_pairs_by_place(again):
    for prompt in again.iter_phrase_prompts():
        row = again.pairs.loc[prompt.prompt_id]
        pairs = list(
            zip([mask for _, mask in again.decode_predictions(prompt)], again.target_instances(prompt), strict=False)
        )
        values = [iou(mask, item.decode_mask()) for mask, item in pairs]
        assert row["upstream_n"] == len(pairs) and row["upstream_iou"] == pytest.approx(sum(values))
        assert row["upstream_dice"] == pytest.approx(sum(2 * value / (1 + value) for value in values))


def test_clicks(again):
    for prompt in again.prompts[again.prompts["kind"] == "clicks"].itertuples():
        (item,) = again.target_instances(prompt)
        ious = [iou(mask, item.decode_mask()) for _, mask in again.decode_predictions(prompt, 0.0)]
        assert again.pairs.at[prompt.prompt_id, "click_iou"] == pytest.approx(ious)
        assert again.pairs.at[prompt.prompt_id, "sum_iou"] == pytest.approx(ious[-1])


def test_boxes(again):
    for prompt in again.iter_phrase_prompts():
        kept = [row for row in again.rows_by_prompt.get(prompt.prompt_id, []) if row.score >= 0.5]
        boxes = [np.array([row.x0, row.y0, row.x1, row.y1]) for row in kept]
        items = [np.array(item.box, float) for item in again.target_instances(prompt)]
        matrix = np.array([[box_iou(one, other) for other in items] for one in boxes]).reshape(len(boxes), len(items))
        at = matrix[linear_sum_assignment(-matrix)]
        row = again.pairs.loc[prompt.prompt_id]
        assert row["box_tp"] == [int((at >= tau).sum()) for tau in IOU_THRESHOLDS] and row["box_predicted"] == len(
            boxes
        )


def test_paraphrases(again):
    concepts = defaultdict(list)
    for prompt in again.iter_phrase_prompts():
        if prompt.concept is not None:
            masks = [mask for _, mask in again.decode_predictions(prompt)]
            concepts[prompt.image_id, prompt.concept].append(together(masks, (300, 380)))
    values = [iou(*pair) for masks in concepts.values() for pair in combinations(masks, 2)]
    assert evaluate("prompt-sensitivity-agreement", again.pairs) == pytest.approx(np.mean(values))


def test_decisions_and_claims(again):
    claimed, right, total = {}, 0, 0
    for prompt in again.iter_phrase_prompts():
        items = [item for item in again.truth.instances_of(prompt.image_id) if item.noun in prompt.nouns]
        scored = again.decode_predictions(prompt)
        hits = {
            items[column].id: scored[row][0]
            for row, column, value in again.match_masks([mask for _, mask in scored], items)
            if value >= 0.5
        }
        right += sum((item.id in hits) == (item.id in prompt.truth_ids) for item in items) * (
            len(prompt.attributes) == 2
        )
        total += len(items) * (len(prompt.attributes) == 2)
        if len(prompt.attributes) == 1:
            for key, score in hits.items():
                if score > claimed.get(key, (0, None))[0]:
                    claimed[key] = score, prompt.attributes[0][1]
    assert evaluate("compositional-accuracy-2", again.pairs) == pytest.approx(right / total)
    counts = Counter()
    for prompt in again.iter_phrase_prompts():
        if len(prompt.attributes) == 1:
            counts.update((prompt.attributes[0][1], claimed.get(key, (0, ""))[1]) for key in prompt.truth_ids)
    ours = confusion_matrix(again.pairs, "ripeness").stack()
    assert {key: count for key, count in ours.items() if count} == dict(counts)
    known = {key: count for key, count in counts.items() if key[1]}
    accuracy = sum(count for key, count in known.items() if key[0] == key[1]) / sum(known.values())
    assert evaluate("attribute-accuracy", again.pairs) == pytest.approx(accuracy)
    assert evaluate("attribute-accuracy-found", again.pairs) == sum(known.values()) / counts.total()


def test_calibration_is_that_of_torchmetrics(again):
    rows = again.pairs[again.pairs["kind"] == "phrase"]
    scores = np.concatenate([*rows["scores"]])
    right = np.concatenate([*rows["hits_mask_all"]]) & 1
    # A float32 score on a bin's edge may fall on either side of it.
    theirs = binary_calibration_error(torch.tensor(scores, dtype=torch.float64), torch.tensor(right), n_bins=10)
    assert evaluate("calibration", rows) == pytest.approx(float(theirs), abs=1e-6)


def test_every_instance_has_the_measures_of_its_prediction(again):
    size = (300, 380)
    masks = {(row.prompt_id, row.prediction_id): row for rows in again.rows_by_prompt.values() for row in rows}
    items = {item.id: item for rows in again.truth.instances.values() for item in rows}
    asked = again.instances[again.instances["truth_id"].notna()]
    for row in asked.itertuples():
        if pd.isna(row.prediction_id):
            assert row.iou == row.boundary_iou == 0 and np.isnan(row.hausdorff_95_px)
            continue
        found, item = masks[row.prompt_id, row.prediction_id], items[row.truth_id]
        mask, truth = rles.decode({"size": list(size), "counts": found.rle}), item.decode_mask()
        assert row.iou == pytest.approx(iou(mask, truth)) and row.area_px == mask.sum()
        assert row.area_error == pytest.approx(abs(mask.sum() - truth.sum()) / truth.sum())
        edges = np.abs(np.array([found.x0, found.y0, found.x1, found.y1]) - item.box) / [380, 300, 380, 300]
        assert row.box_error == pytest.approx(edges.sum())
