"""The tables of a shard: the best value of every metric for perfect masks, all prompts, and empty input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samgap.matching.shard import match_shard
from samgap.tables.catalog import TABLES
from tests.helpers.matching import outcomes, phrase_tables
from tests.helpers.scenes import (
    images_table,
    make_ground_truth,
    masks_table,
    prompts_table,
    random_shard,
    random_tagged_shard,
    rle_to_box,
    square_mask,
)
from tests.helpers.sums import evaluate

BEST_IS_1 = [
    *("iou", "dice", "boundary-f-1px", "boundary-f-relative", "boundary-f-davis", "boundary-iou", "boundary-iou-2px"),
    *("quality", "success-95", "map", "map-coco", "box-iou", "box-f1-50", "box-map", "coverage", "presence-accuracy"),
    *("attribute-accuracy-strict", "compositional-accuracy-2", "open-vocabulary-f1-unseen", "instructions-giou"),
    *("instructions-p50", "f1-score-15", "f1-iou-95", "iou-after-clicks-1", "upstream-iou", "upstream-greedy-f1"),
]
BEST_IS_0 = [
    *("hausdorff-95", "area-error", "count-error", "grounding-error-box", "grounding-error-off-concept"),
    "noc-90-failures",
]


def make_perfect_tables(seed):
    """Return the tables of a random shard with the ground truth as predictions."""
    _, prompts, truth, images = random_tagged_shard(seed)
    rows = [
        (prompt.prompt_id, index, prompt.image_id, 1.0, instance.decode_mask())
        for prompt in prompts[prompts["kind"] != "other"].itertuples()
        for index, instance in enumerate(
            instance for instance in truth.instances_of(prompt.image_id) if instance.id in prompt.truth_ids
        )
    ]
    masks = masks_table(rows)
    boxes = [rle_to_box({"size": [300, 380], "counts": rle}) for rle in masks["rle"]]
    masks[["x0", "y0", "x1", "y1"]] = np.array(boxes, float)
    masks["clicks"] = [1 if "clicks" in prompt_id else None for prompt_id in masks["prompt_id"]]
    return masks, prompts, truth, images


@pytest.mark.parametrize("seed", range(2))
def test_perfect_masks_have_the_best_value_of_every_metric(seed):
    pairs = match_shard(*make_perfect_tables(seed), 0.5)[2]
    values = {metric: evaluate(metric, pairs) for metric in (*BEST_IS_1, *BEST_IS_0)}
    # Phrases with different values of an attribute may share an apple in these random scenes.
    assert values.pop("attribute-accuracy-strict") > 0.5
    assert values == pytest.approx({metric: float(metric in BEST_IS_1) for metric in values}, abs=1e-12)


def test_every_prompt_of_the_images_has_a_row_and_others_have_none():
    prompts = [("a", 1, "phrase", "apple", [1]), ("b", 2, "phrase", "apple", []), ("c", 9, "phrase", "apple", [77])]
    truth = make_ground_truth({1: [(1, square_mask(2, 2), False)], 2: []})
    overlaps, instances, pairs = match_shard(masks_table([]), prompts_table(prompts), truth, images_table([1, 2]), 0.5)
    assert pairs["prompt_id"].tolist() == ["a", "b"] and pairs["group"].tolist() == ["group-1", "group-2"]
    assert outcomes(instances) == [(1, None, "missed")] and not len(overlaps)


@pytest.mark.parametrize(
    ("arguments", "n_predicted"),
    [
        ((masks_table([]), prompts_table([]), make_ground_truth({}), images_table([])), []),
        (phrase_tables([(0.9, np.zeros((24, 30), bool))]), [1]),
    ],
    ids=["empty shard", "empty mask"],
)
def test_the_tables_fit_their_schemas(tmp_path, arguments, n_predicted):
    tables = match_shard(*arguments, 0.5)
    for name, frame in zip(("overlaps", "instances", "pairs"), tables, strict=True):
        TABLES[name].write(tmp_path / f"{name}.parquet", frame)
        assert len(TABLES[name].read(tmp_path / f"{name}.parquet")) == len(frame)
    assert tables[2]["n_predicted"].tolist() == n_predicted


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_of_the_predictions_does_not_matter(seed, random):
    masks, prompts, truth, images = random_shard(seed, n_images=3)
    order = random.sample(range(len(masks)), len(masks))
    tables = match_shard(masks, prompts, truth, images, 0.5)
    shuffled_tables = match_shard(masks.iloc[order], prompts, truth, images, 0.5)
    for table, shuffled in zip(tables, shuffled_tables, strict=True):
        pd.testing.assert_frame_equal(table, shuffled)
