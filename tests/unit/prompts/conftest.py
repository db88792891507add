"""A small ground truth whose right answers are plain to see."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.prompts.seed import Seed

SHAPE = (20, 30)


def instance(number, image_id, mask, **more):
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    x, y, width, height = coco_mask.toBbox(rle)
    return Instance(
        number, image_id, more.pop("noun", "apple"), (x, y, x + width, y + height), int(mask.sum()), rle, **more
    )


def world(masks, **more):
    """One image of the masks' size with an apple for each of `masks`."""
    height, width = masks[0].shape
    image = {"id": 1, "file_name": "1.png", "width": width, "height": height, "group": "1"}
    items = [instance(10 + number, 1, mask, **more) for number, mask in enumerate(masks)]
    return GroundTruth({1: image}, {1: items}, frozenset({"apple"}), {})


@pytest.fixture
def seed():
    return Seed(42, "orchard")


@pytest.fixture
def truth():
    ring = np.zeros(SHAPE, bool)
    ring[2:13, 3:14] = True
    ring[5:10, 6:11] = False  # a hole where the box's middle is
    corner = np.zeros(SHAPE, bool)
    corner[15:20, 25:30] = True
    hidden = np.zeros(SHAPE, bool)
    hidden[0, 20] = True
    pear = np.zeros(SHAPE, bool)
    pear[1:4, 20:24] = True
    images = {
        number: {"id": number, "file_name": f"{number}.png", "width": 30, "height": 20, "group": str(number)}
        for number in (1, 2)
    }
    instances = {
        1: [
            instance(10, 1, ring, attributes={"ripeness": "ripe"}),
            instance(11, 1, corner, attributes={"ripeness": "unripe"}),
            instance(12, 1, hidden, attributes={"ripeness": "ripe"}, ignore=True),
            instance(13, 1, pear, noun="pear"),
        ]
    }
    attributes = {"ripeness": ("ripe", "unripe"), "colour": ("red", "green")}
    return GroundTruth(images, instances, frozenset({"apple", "orange", "pear"}), attributes)
