"""The ground truth as it is read from `instances.json`."""

import json

import numpy as np
import pytest

from samgap.annotations.ground_truth import Instance, read_ground_truth
from samgap.errors import UserError
from samgap.masks import rle
from tests.helpers.scenes import square_mask

MASK = square_mask(2, 3)
CONTENT = {
    "info": {"nouns": ["apple", "pear"], "attributes": {"ripeness": ["ripe", "unripe"]}},
    "categories": [{"id": 1, "name": "apple"}],
    "images": [{"id": n, "file_name": f"{n}.png", "width": 30, "height": 24, "group": "g"} for n in (1, 2, 3)],
    "annotations": [
        {
            "id": 10,
            "image_id": 1,
            "category_id": 1,
            "bbox": [3, 2, 4, 4],
            "area": 16,
            "segmentation": {"size": [24, 30], "counts": rle.encode(MASK)["counts"].decode()},
            "attributes": {"ripeness": "ripe"},
            "occlusion": 0.25,
            "track": 7,
        },
        {"id": 11, "image_id": 2, "category_id": 1, "bbox": [0, 0, 5, 6], "area": 30, "ignore": 1},
    ],
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(CONTENT), encoding="utf-8")
    return path


def test_instances_have_the_values_of_the_file(file):
    truth = read_ground_truth(file)
    ((ripe,), (ignored,)) = truth.instances_of(1), truth.instances_of(2)
    assert np.array_equal(ripe.decode_mask(), MASK)
    assert (ripe.box, ripe.attributes, ripe.occlusion, ripe.track) == ((3, 2, 7, 6), {"ripeness": "ripe"}, 0.25, 7)
    # Keys that are missing have their defaults.
    assert ignored == Instance(11, 2, "apple", (0, 0, 5, 6), 30, None, {}, ignore=True)
    assert truth.instances_of(3) == []
    assert (truth.nouns, truth.attributes) == ({"apple", "pear"}, {"ripeness": ("ripe", "unripe")})


def test_only_selected_images_are_read(file):
    truth = read_ground_truth(file, image_ids=[2, 3])
    assert list(truth.images) == [2, 3] and list(truth.instances) == [2]


@pytest.mark.parametrize("key", ["info", "categories", "images", "annotations"])
def test_a_file_without_a_key_is_one_line(file, key):
    file.write_text(json.dumps({name: value for name, value in CONTENT.items() if name != key}), encoding="utf-8")
    with pytest.raises(UserError, match=f"instances.json: the key '{key}' is missing; make the data set again"):
        read_ground_truth(file)
