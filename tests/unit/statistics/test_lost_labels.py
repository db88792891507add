"""Differences of cells that lost the labels of different images."""

import pandas as pd
import pytest

from samgap.statistics.comparisons import compute_comparisons
from samgap.statistics.strata import Cell
from tests.helpers.comparing import declare_pair
from tests.helpers.sums import evaluate, images_table, random_results, to_box_prompts

IMAGES = images_table(20)
PHRASES = random_results(4, IMAGES)[0]
BOXES = to_box_prompts(random_results(3, IMAGES)[0])
SETTINGS = {"resamples": 400, "confidence": 0.95}


def lose(pairs, images, phrase="phrase 1"):
    """Return the pairs of phrases after labels of one phrase were lost in some images."""
    is_lost = pairs["image_id"].isin(images) & (pairs["phrase"] == phrase)
    return pairs.assign(evaluable=~is_lost, lost_labels=is_lost, n_truth=pairs["n_truth"].where(~is_lost, 0))


def compare(candidate, baseline, metric="iou"):
    """Compare two cells; returns the row."""
    cells = {("set", "sam3", "a"): Cell(candidate), ("set", "sam2", "b"): Cell(baseline)}
    pair = declare_pair("c", "sam3", "sam2", [metric], prompts="a", baseline_prompts="b")
    (row,) = compute_comparisons(cells.get, {"set": IMAGES}, [pair], SETTINGS, 1)
    return row


def drop_images(pairs, images):
    return pairs[~pairs["image_id"].isin(images)]


def test_phrases_and_boxes_are_compared_on_the_images_that_both_have():
    row = compare(lose(PHRASES, [2, 3, 5]), BOXES)
    common = drop_images(PHRASES, [2, 3, 5]), drop_images(BOXES, [2, 3, 5])
    assert [row["value"], row["baseline_value"]] == pytest.approx([evaluate("iou", pairs) for pairs in common])
    assert evaluate("iou", common[1]) != evaluate("iou", BOXES)
    assert row["warning"] == "both values without 3 images, of which one prompt set lost labels"
    assert (row["n_clusters"], row["n_clusters_total"]) == (16, 17)  # one image has no instance to prompt by a box
    assert row["ci_low"] < row["difference"] < row["ci_high"] and row["p_value"] is not None
    same = compare(*common)
    assert {**row, "warning": None} == same


def test_the_images_of_both_sides_are_left_out():
    row = compare(lose(PHRASES, [2]), lose(PHRASES.assign(n_predicted=3), [3], "phrase 2"), "f1-50")
    assert row["value"] == pytest.approx(evaluate("f1-50", drop_images(PHRASES, [2, 3])))
    assert row["warning"] == "both values without 2 images, of which one prompt set lost labels"


def test_the_same_prompts_lose_the_same_pairs_and_no_image():
    row = compare(lose(PHRASES, [2, 3]), lose(PHRASES.assign(n_predicted=3), [2, 3]), "f1-50")
    assert row["value"] == pytest.approx(evaluate("f1-50", lose(PHRASES, [2, 3])))
    assert row["warning"] == "without 2 image-phrase pairs, of which labels were lost"


def test_without_a_common_image_there_is_a_reason():
    row = compare(lose(PHRASES, IMAGES["image_id"].iloc[:19]), lose(PHRASES, [20], "phrase 2"), "f1-50")
    assert row["difference"] is None and row["note"].startswith("not evaluable: ")
    assert row["warning"] == "both values without 20 images, of which one prompt set lost labels"


def test_a_value_that_is_undefined_on_the_common_images_says_why():
    lost = lose(PHRASES, [2])
    row = compare(lost.assign(n_predicted=0, tp=[[0] * 10] * len(lost)), BOXES, "precision")
    assert row["note"].startswith("not evaluable: the value is undefined") and pd.isna(row["difference"])
    assert row["warning"] == "both values without 1 image, of which one prompt set lost labels"
