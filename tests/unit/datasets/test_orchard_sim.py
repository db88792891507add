"""The procedural orchard: the same scene for the same seed, and masks that can be trusted."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from samgap.datasets import orchard_sim

OPTIONS = {"scenes": 24, "size": 192, "seed": 7}


@pytest.fixture(scope="module")
def pictures():
    return list(orchard_sim.pictures(OPTIONS, {}, seed=0))


def test_one_seed_gives_one_set_of_bytes_whatever_the_run_s_seed(pictures):
    again = list(orchard_sim.pictures(OPTIONS, {}, seed=99))
    assert [hashlib.sha256(p.data).digest() for p in pictures] == [hashlib.sha256(p.data).digest() for p in again]
    other = next(orchard_sim.pictures({**OPTIONS, "seed": 8}, {}, seed=0))
    assert other.data != pictures[0].data


def test_a_scene_does_not_depend_on_how_many_there_are(pictures):
    few = list(orchard_sim.pictures({**OPTIONS, "scenes": 3}, {}, seed=0))
    assert [p.data for p in few] == [p.data for p in pictures[:3]]


def test_masks_are_disjoint_and_of_the_image_s_size(pictures):
    for picture in pictures:
        with Image.open(io.BytesIO(picture.data)) as image:
            assert image.size == (picture.width, picture.height) and image.mode == "RGB"
        held = sum((label.mask.astype(int) for label in picture.labels), np.zeros((192, 192), int))
        assert held.max(initial=0) <= 1
        assert all(label.mask.any() for label in picture.labels)


def test_only_what_is_hardly_seen_is_ignored(pictures):
    labels = [label for picture in pictures for label in picture.labels]
    assert any(not label.ignore for label in labels)
    small = orchard_sim.MIN_AREA * 192**2
    assert all(label.ignore for label in labels if label.mask.sum() < small)


def test_every_noun_and_ripeness_is_both_present_and_absent(pictures):
    held = [{label.noun for label in picture.labels} for picture in pictures]
    for noun in orchard_sim.NOUNS:
        assert 0 < sum(noun in nouns for nouns in held) < len(pictures)
    ripeness = [{label.attributes["ripeness"] for label in p.labels if label.noun == "apple"} for p in pictures]
    for value in orchard_sim.RIPENESS:
        assert 0 < sum(value in values for values in ripeness) < len(pictures)


def test_ripe_apples_are_redder_than_unripe_ones(pictures):
    redness = {"ripe": [], "unripe": []}
    for picture in pictures:
        pixels = np.asarray(Image.open(io.BytesIO(picture.data)), float)
        for label in picture.labels:
            if label.noun == "apple" and not label.ignore:
                red, green, _ = pixels[label.mask].mean(0)
                redness[label.attributes["ripeness"]].append(red - green)
    assert min(redness["ripe"]) > max(redness["unripe"])
