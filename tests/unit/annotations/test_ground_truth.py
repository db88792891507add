"""Reading `info` of instances.json."""

import json
from pathlib import Path

import pytest

from samgap.annotations.ground_truth import LABELLED_DISTANCE, read_ground_truth


@pytest.mark.parametrize(
    ("info", "exhaustive", "labelled_distance"),
    [
        ({}, True, LABELLED_DISTANCE),
        ({"exhaustive": False}, False, LABELLED_DISTANCE),
        ({"exhaustive": True, "labelled_distance": 0.25}, True, 0.25),
    ],
)
def test_exhaustive_labels_and_the_distance_are_read(tmp_path: Path, info, exhaustive, labelled_distance) -> None:
    coco = {"info": {"nouns": ["apple"], "attributes": {}, **info}, "images": [], "categories": [], "annotations": []}
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(coco), encoding="utf-8")
    truth = read_ground_truth(path)
    assert truth.exhaustive is exhaustive and truth.labelled_distance == labelled_distance
