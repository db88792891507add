"""A sample of the prompts of a set: the same for all prompt sets and orders, nested, and recorded."""

import numpy as np
import pytest

from samgap.annotations.ground_truth import GroundTruth
from samgap.errors import UserError
from samgap.prompts import box, clicks, phrases, point, track
from samgap.prompts.seed import Seed
from samgap.prompts.subset import select_subset
from tests.unit.prompts.conftest import make_instance

SEED = Seed(42, "orchard")
PHRASES = {"phrases": [{"phrase": "apple", "noun": "apple"}, {"phrase": "pear", "noun": "pear"}]}
MASK = np.zeros((20, 30), bool)
MASK[5:15, 5:20] = True


def make_orchard(n_images=40, per_image=3, sequence=None):
    """Return images with apples; with `sequence`, the frames of sequences of four, with tracks."""
    images, instances = {}, {}
    for image_id in range(1, n_images + 1):
        frame = {} if sequence is None else {"sequence": f"s{(image_id - 1) // 4}", "frame": (image_id - 1) % 4}
        images[image_id] = {"file_name": f"{image_id}.png", "width": 30, "height": 20, "group": "g", **frame}
        instances[image_id] = [
            make_instance(10 * image_id + number, image_id, MASK, track=None if sequence is None else number)
            for number in range(per_image)
        ]
    return GroundTruth(images, instances, frozenset({"apple", "pear"}), {})


TRUTH = make_orchard()


def select(kind, options, subset, truth=TRUTH, seed=SEED):
    return select_subset(kind.generate_prompts(truth, options, seed), subset, truth, seed)


def test_without_subset_all_rows_remain():
    rows, record = select(box, {}, None)
    assert rows == list(box.generate_prompts(TRUTH, {}, SEED)) and record == {}


def test_images_are_a_share_of_the_data_set_and_keep_all_their_prompts():
    rows, record = select(phrases, PHRASES, {"images": 7})
    assert record == {"subset": {"images": 7, "of": 40}}
    image_ids = [row["image_id"] for row in rows]
    assert len(set(image_ids)) == 7 and len(rows) == 14 and image_ids == sorted(image_ids)


def test_instances_are_a_share_of_those_with_a_prompt():
    rows, record = select(clicks, {"clicks": 5}, {"instances": 25})
    assert record == {"subset": {"instances": 25, "of": 120}}
    assert len({row["truth_ids"][0] for row in rows}) == len(rows) == 25


def test_prompt_sets_share_the_sample_and_a_larger_one_contains_it():
    images = {row["image_id"] for row in select(phrases, PHRASES, {"images": 7})[0]}
    assert images == {row["image_id"] for row in select(box, {}, {"images": 7})[0]}
    assert images < {row["image_id"] for row in select(box, {}, {"images": 8})[0]}
    by_kind = [
        {row["truth_ids"][0] for row in select(kind, {}, {"instances": number})[0]}
        for kind, number in ((clicks, 25), (point, 25), (box, 30))
    ]
    assert by_kind[0] == by_kind[1] < by_kind[2]


def test_the_sample_depends_on_seed_and_data_set_and_not_on_ids_and_order():
    def names(truth, seed=SEED):
        rows, _ = select(box, {}, {"images": 7}, truth, seed)
        return {truth.images[row["image_id"]]["file_name"] for row in rows}

    renumbered = GroundTruth(
        {1000 - key: image for key, image in TRUTH.images.items()},
        {1000 - key: items for key, items in TRUTH.instances.items()},
        TRUTH.nouns,
        {},
    )
    assert names(renumbered) == names(TRUTH)
    assert names(TRUTH, Seed(43, "orchard")) != names(TRUTH) != names(TRUTH, Seed(42, "other"))


def test_more_than_there_are_is_all():
    rows, record = select(box, {}, {"instances": 999})
    assert len(rows) == 120 and record == {"subset": {"instances": 120, "of": 120}}


def test_instances_of_tracks_are_whole_tracks():
    truth = make_orchard(sequence=True)
    rows, record = select(track, {}, {"instances": 6}, truth)
    assert record == {"subset": {"instances": 6, "of": 30}}
    tracks = {(truth.images[row["image_id"]]["sequence"], row["track"]) for row in rows}
    assert len(tracks) == 6 and len(rows) == 24
    with pytest.raises(UserError, match="would cut tracks"):
        select(track, {}, {"images": 6}, truth)


def test_phrases_have_no_single_instance():
    with pytest.raises(UserError, match="needs prompts of one instance"):
        select(phrases, PHRASES, {"instances": 6})
