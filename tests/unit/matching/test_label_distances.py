"""The distance of a prediction to the nearest labelled instance, against a distance transform of the whole image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from samgap.io.yaml_text import parse_yaml
from samgap.matching import label_distances
from samgap.matching.label_distances import LABELLED_DISTANCE, LabelDistances
from samgap.matching.overlap import ImageOverlap
from samgap.matching.shard import match_shard
from tests.helpers.matching import APPLES, make_tables, phrase_tables
from tests.helpers.scenes import images_table, make_ground_truth, masks_table, random_ellipse, square_mask

APPLE = square_mask(2, 2, 6)


def make_overlap(predictions, instances, shape=(24, 30)):
    masks = masks_table([("p", number, 1, 0.9, mask) for number, mask in enumerate(predictions)])
    (image,) = images_table([1], shape).itertuples()
    return ImageOverlap(image, make_ground_truth({1: instances}, shape).instances_of(1), masks.assign(clicks=None))


@pytest.mark.parametrize("seed", range(5))
def test_distances_are_those_of_a_distance_transform(seed):
    rng, shape = np.random.default_rng(seed), (60, 80)
    labelled = [(number, random_ellipse(rng, shape) & (rng.random(shape) < 0.9), False) for number in range(1, 4)]
    predictions = [random_ellipse(rng, shape) & (rng.random(shape) < 0.7) for _ in range(12)]
    for instances in (labelled[:1], labelled):
        distances = LabelDistances(make_overlap(predictions, instances, shape))
        union = np.logical_or.reduce([mask for _, mask, _ in instances])
        expected = [distance_transform_edt(~union)[mask].min() for mask in predictions]
        assert distances.measure(np.arange(12)).tolist() == expected
        assert distances.measure(np.array([7, 2])).tolist() == [expected[7], expected[2]]


def test_distances_without_a_label_and_of_an_empty_mask():
    empty = np.zeros((24, 30), bool)
    for labels, distance in (([(1, APPLE, False)], 0), ([], np.inf), ([(1, APPLE, True)], np.inf)):
        distances = LabelDistances(make_overlap([APPLE, empty], labels))
        assert distances.measure(np.arange(2)) == pytest.approx([distance, np.nan], nan_ok=True)
        assert len(distances.measure(np.arange(0))) == 0


def test_without_a_distant_prediction_no_label_is_indexed(monkeypatch):
    monkeypatch.setattr(label_distances, "cKDTree", lambda points: pytest.fail("labels were indexed"))
    distances = LabelDistances(make_overlap([APPLE], [(1, APPLE, False)]))
    assert distances.measure(np.arange(0)).tolist() == [] and distances.measure(np.arange(1)).tolist() == [0]


def test_false_positives_have_their_distance_and_others_have_none():
    predictions = [
        (0.9, APPLE),  # a match
        (0.8, square_mask(4, 4, 6)),  # overlaps apple 1
        (0.7, square_mask(8, 2, 2)),  # touches apple 1
        (0.6, square_mask(12, 3, 2)),  # 5 px below apple 1
        (0.6, square_mask(11, 24, 3)),  # diagonally off the corner of apple 2
    ]
    _, instances, pairs = match_shard(*phrase_tables(predictions, instances={1: APPLES[1][:2]}), 0.5)
    is_false = instances["outcome"] == "false"
    corner = np.hypot(11 - 7, 24 - 19)
    assert instances.loc[is_false, "label_distance_px"].tolist() == pytest.approx([0, 1, 5, corner])
    assert instances.loc[~is_false, "label_distance_px"].isna().all()
    assert pairs["n_far"].tolist() == [2]  # beyond 2.4 px of an image of 24 px


@pytest.mark.parametrize(("labelled_distance", "n_far"), [(0, 2), (5 / 24, 1), (4.99 / 24, 2), (0.3, 0)])
def test_far_is_beyond_the_distance_of_the_data_set(labelled_distance, n_far):
    masks, prompts, truth, images = phrase_tables([(0.9, square_mask(12, 3, 2)), (0.8, square_mask(13, 3, 2))])
    pairs = match_shard(masks, prompts, truth, images, 0.5, labelled_distance=labelled_distance)[2]
    assert pairs["n_far"].tolist() == [n_far] and pairs["labelled_distance"].tolist() == [labelled_distance]


def test_labels_of_other_nouns_are_near_and_ignored_ones_are_not():
    # Apple 2 becomes a pear; instance 3 is ignored. An "apple" on the pear is false, and near a label.
    masks, prompts, truth, images = phrase_tables([(0.9, square_mask(2, 14, 6)), (0.8, square_mask(10, 18, 3))], [1])
    first, second, ignored = truth.instances_of(1)
    truth = replace(truth, instances={1: [first, replace(second, noun="pear"), ignored]})
    prompts["nouns"] = [["apple"]]
    _, instances, pairs = match_shard(masks, prompts, truth, images, 0.5)
    assert instances.loc[instances["outcome"] == "false", "label_distance_px"].tolist() == pytest.approx([0, 3])
    assert pairs["n_far"].tolist() == [1]


def test_the_label_of_an_instance_without_a_mask_is_its_box():
    masks, prompts, truth, images = phrase_tables([(0.9, square_mask(12, 3, 2)), (0.8, square_mask(4, 4, 2))])
    truth = replace(truth, instances={1: [replace(item, rle=None) for item in truth.instances_of(1)[:2]]})
    _, instances, _ = match_shard(masks, prompts, truth, images, 0.5)
    # The predicted boxes are placeholders in a corner, so that neither is matched; the second mask lies in a box.
    assert instances.loc[instances["outcome"] == "false", "label_distance_px"].tolist() == [5, 0]


@pytest.mark.parametrize(("kind", "truth_ids"), [("box", [1]), ("other", None), ("phrase", None)])
def test_spatial_prompts_and_prompts_that_are_not_evaluable_have_no_distance(kind, truth_ids):
    predictions = [("b", 0, 1, 0.9, square_mask(20, 26, 4))]
    _, instances, pairs = match_shard(*make_tables([("b", 1, kind, "leaf", truth_ids)], predictions), 0.5)
    assert pairs["n_far"].tolist() == [0] and instances["label_distance_px"].isna().all()


def test_the_default_distance_is_that_of_the_schema():
    schema = parse_yaml((Path(__file__).parents[3] / "config/schema.yaml").read_text(encoding="utf-8"))
    key = schema["properties"]["datasets"]["additionalProperties"]["properties"]["labelled-distance"]
    assert key["default"] == LABELLED_DISTANCE
