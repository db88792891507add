"""Inconsistent input of matching raises one line."""

import numpy as np
import pandas as pd
import pytest

from samgap.errors import UserError
from samgap.matching.shard import match_shard
from tests.helpers.matching import make_tables, phrase_tables
from tests.helpers.scenes import images_table, square_mask
from tests.helpers.sums import evaluate

PREDICTIONS = [(0.9, square_mask(2, 2, 6))]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("prompt_id", "q", "prediction 0 of prompt q, image 1, belongs to a prompt that is not in this shard"),
        ("image_id", 7, "prediction 0 of prompt p, image 7, is on another image than its prompt"),
        ("score", 1.01, "a score that is not between 0 and 1"),
        ("score", -0.01, "a score that is not between 0 and 1"),
        ("score", float("nan"), "a score that is not between 0 and 1"),
        ("x1", float("nan"), "prediction 0 of prompt p, image 1, has a box with an edge that is not a finite number"),
        ("y0", float("inf"), "has a box with an edge that is not a finite number"),
        ("height", 30, "its mask is 30×30 px, image 1 is 30×24"),
        ("rle", b"5", "an RLE does not have 24×30 pixels"),
    ],
)
def test_an_invalid_prediction(column, value, message):
    masks, prompts, truth, images = phrase_tables(PREDICTIONS)
    masks[column] = [value] * len(masks)
    with pytest.raises(UserError, match=message):
        match_shard(masks, prompts, truth, images, 0.5)


def test_a_duplicated_prediction():
    masks, prompts, truth, images = phrase_tables(PREDICTIONS)
    with pytest.raises(UserError, match="prediction 0 of prompt p, image 1, is in the table twice"):
        match_shard(pd.concat([masks, masks]), prompts, truth, images, 0.5)


def test_two_predictions_after_the_same_number_of_clicks():
    predictions = [("p", k, 1, 0.5, square_mask(2, 2, 6)) for k in (0, 1)]
    masks, prompts, truth, images = make_tables([("p", 1, "clicks", None, [1])], predictions)
    with pytest.raises(UserError, match="prediction 1 of prompt p, image 1, has the same number of clicks as another"):
        match_shard(masks.assign(clicks=[1, 1]), prompts, truth, images, 0.5)


@pytest.mark.parametrize(
    ("truth_ids", "message"),
    [
        ([1, 99], "has instance 99, which is not in the image"),
        ([3], "marked ignore"),
        ([1, 1], "has instance 1 twice"),
    ],
)
def test_invalid_truth_ids(truth_ids, message):
    with pytest.raises(UserError, match=message):
        match_shard(*phrase_tables(PREDICTIONS, truth_ids), 0.5)


@pytest.mark.parametrize(("kind", "truth_ids"), [("box", [1, 2]), ("box", []), ("track", [1, 2])])
def test_a_spatial_prompt_with_another_number_of_instances_than_one(kind, truth_ids):
    with pytest.raises(UserError, match=f"is spatial and has {len(truth_ids)} instances instead of one"):
        match_shard(*make_tables([("p", 1, kind, None, truth_ids)], []), 0.5)


def test_a_tracked_object_may_be_invisible():
    _, _, pairs = match_shard(*make_tables([("p", 1, "track", None, [])], []), 0.5)
    assert pairs["n_truth"].tolist() == [0]


def test_duplicated_or_unknown_prompts_and_images():
    masks, prompts, truth, images = phrase_tables(PREDICTIONS)
    with pytest.raises(UserError, match="prompt p is in prompts.parquet twice"):
        match_shard(masks, pd.concat([prompts, prompts]), truth, images, 0.5)
    with pytest.raises(UserError, match="images.parquet has an image twice"):
        match_shard(masks, prompts, truth, pd.concat([images, images]), 0.5)
    with pytest.raises(UserError, match="image 8 is in images.parquet but not in instances.json"):
        match_shard(masks, prompts, truth, images_table([1, 8]), 0.5)


def test_an_instance_mask_of_another_size_than_the_image():
    masks, prompts, truth, _ = phrase_tables([])
    with pytest.raises(UserError, match="instance 1 of image 1: its mask is 30×24 px, the image 31×24"):
        match_shard(masks, prompts, truth, images_table([1], (24, 31)), 0.5)


def test_an_absent_phrase_that_could_not_be_predicted_is_not_evaluable_and_a_present_one_is_missed():
    prompts = [("absent", 1, "phrase", "pear", []), ("present", 1, "phrase", "apple", [1])]
    tables = make_tables([*prompts, ("box", 1, "box", None, [1])], [])
    for unpredicted, expected in (
        ((), {"absent": True, "present": True, "box": True}),
        (("absent", "present", "box"), {"absent": False, "present": True, "box": True}),
    ):
        _, instances, pairs = match_shard(*tables, 0.5, unpredicted=unpredicted)
        assert dict(zip(pairs["prompt_id"], pairs["evaluable"], strict=True)) == expected
        assert list(instances["outcome"]) == ["missed", "missed"]


def test_the_il_mcc_counts_no_absent_phrase_that_could_not_be_predicted():
    prompts = [("apple", 1, "phrase", "apple", [1])]
    prompts += [(name, 1, "phrase", name, []) for name in ("pear", "plum", "fig")]
    found = [("apple", 0, 1, 0.9, square_mask(2, 2, 6)), ("fig", 0, 1, 0.9, square_mask(2, 2, 6))]
    tables = make_tables(prompts, found, {1: [(1, square_mask(2, 2, 6), False)]})
    # tp 1, fp 1 (fig), and tn 2 or 1.
    for unpredicted, n_negatives in (((), 2), (("pear",), 1)):
        pairs = match_shard(*tables, 0.5, unpredicted=unpredicted)[2]
        expected = n_negatives / np.sqrt(2 * 1 * (n_negatives + 1) * n_negatives)
        assert evaluate("il-mcc", pairs) == pytest.approx(expected, rel=1e-6)
