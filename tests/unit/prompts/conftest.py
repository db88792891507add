"""A small ground truth whose correct predictions are obvious."""

import numpy as np
import pytest

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.masks import rle as rles
from samgap.prompts.seed import Seed
from tests.helpers.scenes import rle_to_box

SHAPE = (20, 30)


def make_instance(instance_id, image_id, mask, *, noun="apple", **fields):
    rle = rles.encode(mask)
    return Instance(instance_id, image_id, noun, rle_to_box(rle), int(mask.sum()), rle, **fields)


def make_truth(masks):
    """Return one image of the size of the masks, with an apple for each of them; ids start at 10."""
    height, width = masks[0].shape
    image = {"id": 1, "file_name": "1.png", "width": width, "height": height, "group": "1"}
    instances = [make_instance(10 + number, 1, mask) for number, mask in enumerate(masks)]
    return GroundTruth({1: image}, {1: instances}, frozenset({"apple"}), {})


@pytest.fixture
def seed():
    return Seed(42, "orchard")


@pytest.fixture
def truth():
    """Two images; the first has two apples (10 ripe, 11 unripe), an ignored one (12) and a pear (13)."""
    ring = np.zeros(SHAPE, bool)
    ring[2:13, 3:14] = True
    ring[5:10, 6:11] = False  # a hole in the middle of the box
    corner = np.zeros(SHAPE, bool)
    corner[15:20, 25:30] = True
    ignored = np.zeros(SHAPE, bool)
    ignored[0, 20] = True
    pear = np.zeros(SHAPE, bool)
    pear[1:4, 20:24] = True
    images = {
        image_id: {"id": image_id, "file_name": f"{image_id}.png", "width": 30, "height": 20, "group": str(image_id)}
        for image_id in (1, 2)
    }
    instances = {
        1: [
            make_instance(10, 1, ring, attributes={"ripeness": "ripe"}),
            make_instance(11, 1, corner, attributes={"ripeness": "unripe"}),
            make_instance(12, 1, ignored, attributes={"ripeness": "ripe"}, ignore=True),
            make_instance(13, 1, pear, noun="pear"),
        ]
    }
    attributes = {"ripeness": ("ripe", "unripe"), "colour": ("red", "green")}
    return GroundTruth(images, instances, frozenset({"apple", "orange", "pear"}), attributes)


@pytest.fixture(scope="module")
def many_apples():
    """300 apples of 20 x 10 px, far from the edge of their image."""
    masks = np.zeros((300, 60, 60), bool)
    masks[:, 20:30, 20:40] = True
    return make_truth(list(masks))
