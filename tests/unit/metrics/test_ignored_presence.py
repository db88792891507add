"""An image whose only instances of a noun are `ignore` is neither a positive nor a negative of phrases of that noun."""

import numpy as np
import pandas as pd
import pytest

from samgap.matching.shard import match_shard
from samgap.metrics import METRIC_REGISTRY, load_metric, reasons
from samgap.metrics.row_masks import has_known_presence, is_absent_phrase, is_evaluable_phrase
from tests.helpers.scenes import images_table, make_ground_truth, masks_table, prompts_table, square_mask
from tests.helpers.sums import evaluate

APPLE, FAR_OFF = square_mask(2, 2, 6), square_mask(18, 24, 4)
PRESENCE_METRICS = [
    *("presence-accuracy", "il-mcc", "cgf1", "false-alarms", "false-alarms-masks"),
    *("count-error", "count-error-bias", "count-error-relative"),
    *("instructions-giou", "instructions-ciou", "instructions-p50"),
]


def match_images(scene, predictions):
    """Return table `pairs` of the phrase "apple", an instruction, on images.

    Args:
        scene: image id -> whether each of its apples is ignored; all are at one place.
        predictions: image id -> masks with score 0.9.
    """
    instances = {
        image_id: [(10 * image_id + number, np.roll(APPLE, 12 * number, axis=1), ignore) for number, ignore in rows]
        for image_id, rows in ((key, list(enumerate(value))) for key, value in scene.items())
    }
    truth_ids = {image_id: [key for key, _, ignore in rows if not ignore] for image_id, rows in instances.items()}
    prompts = prompts_table([(f"p{key}", key, "phrase", "apple", ids) for key, ids in truth_ids.items()])
    prompts["nouns"], prompts["level"] = [["apple"]] * len(prompts), "simple"
    rows = [
        (f"p{key}", number, key, 0.9, mask) for key, masks in predictions.items() for number, mask in enumerate(masks)
    ]
    return match_shard(masks_table(rows), prompts, make_ground_truth(instances), images_table(scene), 0.5)[2]


# Image 1: an apple. Image 2: none. Image 3: an ignored apple alone. Image 4: an apple and an ignored one.
SCENE = {1: [False], 2: [], 3: [True], 4: [False, True]}


def test_presence_is_unknown_only_where_all_instances_are_ignored():
    pairs = match_images(SCENE, {})
    assert pairs["n_ignored"].tolist() == [0, 0, 1, 1] and pairs["n_truth"].tolist() == [1, 0, 0, 1]
    assert has_known_presence(pairs).tolist() == [True, True, False, True]
    assert is_absent_phrase(pairs).tolist() == [False, True, False, False]
    assert is_evaluable_phrase(pairs).all()  # a mask outside of the ignored apple is still false


@pytest.mark.parametrize("metric_id", PRESENCE_METRICS)
@pytest.mark.parametrize("masks", [[], [FAR_OFF], [APPLE, FAR_OFF]])
def test_the_image_does_not_count_whatever_is_predicted_there(metric_id, masks):
    predictions = {1: [APPLE], 4: [FAR_OFF]}
    with_image = match_images(SCENE, {**predictions, 3: masks})
    without = match_images({key: value for key, value in SCENE.items() if key != 3}, predictions)
    assert evaluate(metric_id, with_image) == evaluate(metric_id, without)
    assert np.isfinite(evaluate(metric_id, without))
    assert 3 not in with_image.loc[load_metric(metric_id).row_mask(with_image), "image_id"].tolist()


def test_values_by_hand():
    pairs = match_images(SCENE, {1: [APPLE], 3: [FAR_OFF], 4: [APPLE]})
    assert evaluate("presence-accuracy", pairs) == 1  # 3 of 3; a true negative in image 3 would be 3 of 4
    assert evaluate("false-alarms", pairs) == 0  # of image 2 alone
    assert evaluate("il-mcc", pairs) == pytest.approx(1, abs=1e-5)
    assert evaluate("count-error", pairs) == 0
    assert evaluate("precision", pairs) == 2 / 3


@pytest.mark.parametrize("metric_id", ["presence-accuracy", "il-mcc", "cgf1", "false-alarms", "false-alarms-masks"])
def test_without_another_negative_the_reason_says_that_it_is_ignored(metric_id):
    pairs = match_images({1: [False], 3: [True]}, {1: [APPLE]})
    assert load_metric(metric_id).not_evaluable_reason(pairs) == reasons.NO_KNOWN_NEGATIVE
    pairs = match_images({1: [False]}, {1: [APPLE]})
    assert load_metric(metric_id).not_evaluable_reason(pairs) == reasons.NO_NEGATIVE


@pytest.mark.parametrize("metric_id", METRIC_REGISTRY)
def test_no_other_metric_gains_from_predicting_nothing_there(metric_id):
    """A true negative raises a value; with no prediction, the image must not change any value."""
    predictions = {1: [APPLE], 2: [FAR_OFF], 4: [FAR_OFF]}
    with_image = match_images(SCENE, predictions)
    without = match_images({key: value for key, value in SCENE.items() if key != 3}, predictions)
    np.testing.assert_equal(evaluate(metric_id, with_image), evaluate(metric_id, without))


def test_another_noun_is_absent_from_the_image():
    pairs = match_images(SCENE, {})
    assert not pd.isna(pairs["n_ignored"]).any()
    prompts = prompts_table([("p", 1, "phrase", "orange", [])]).assign(nouns=[["orange"]])
    truth = make_ground_truth({1: [(1, APPLE, True)]})
    pairs = match_shard(masks_table([]), prompts, truth, images_table([1]), 0.5)[2]
    assert is_absent_phrase(pairs).tolist() == [True] and evaluate("false-alarms", pairs) == 0


@pytest.mark.parametrize("metric_id", ["instructions-giou", "instructions-p50"])
def test_instructions_of_unknown_presence_are_not_said_to_be_missing(metric_id):
    tagged = match_images({3: [True]}, {}).assign(prompt_id="i")
    pairs = pd.concat([tagged, match_images({1: [False]}, {}).assign(level=None)], ignore_index=True)
    reason = load_metric(metric_id).not_evaluable_reason(pairs)
    assert reason == "not evaluable: the only instances of each instruction's nouns are marked `ignore`"
    untagged = load_metric(metric_id).not_evaluable_reason(pairs.assign(level=None))
    assert untagged == "not evaluable: no phrase is tagged as an instruction"
