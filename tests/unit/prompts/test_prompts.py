"""Prompt sets from a small ground truth whose right answers are plain to see."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from samgap import tables
from samgap.errors import UserError
from samgap.prompts import _write, box, phrases, point, point_box
from samgap.truth import Instance, Truth

PHRASES = [
    {"phrase": "apple", "noun": "apple"},
    {"phrase": "ripe apple", "noun": "apple", "attributes": {"ripeness": "ripe"}},
    {"phrase": "orange", "noun": "orange"},
    {"phrase": "plum", "noun": "plum"},
    {"phrase": "shiny apple", "noun": "apple", "attributes": {"gloss": "high"}},
    {"phrase": "leaf", "other": True},
]


def _instance(number, image_id, mask, **more):
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    x, y, width, height = coco_mask.toBbox(rle)
    return Instance(
        number, image_id, more.pop("noun", "apple"), (x, y, x + width, y + height), int(mask.sum()), rle, **more
    )


@pytest.fixture
def truth():
    ring = np.zeros((20, 30), bool)
    ring[2:13, 3:14] = True
    ring[5:10, 6:11] = False  # a hole where the box's middle is
    corner = np.zeros((20, 30), bool)
    corner[15:20, 25:30] = True
    hidden = np.zeros((20, 30), bool)
    hidden[0, 20] = True
    images = {
        number: {"id": number, "file_name": f"{number}.png", "width": 30, "height": 20, "group": str(number)}
        for number in (1, 2)
    }
    instances = {
        1: [
            _instance(10, 1, ring, attributes={"ripeness": "ripe"}),
            _instance(11, 1, corner, attributes={"ripeness": "unripe"}),
            _instance(12, 1, hidden, attributes={"ripeness": "ripe"}, ignore=True),
        ]
    }
    return Truth(images, instances, frozenset({"apple", "orange"}), {"ripeness": ("ripe", "unripe")})


def test_each_instance_but_the_ignored_gets_one_box(truth):
    rows = list(box.prompts(truth, {}, 0))
    assert [row["truth_ids"] for row in rows] == [[10], [11]]
    assert rows[1]["boxes"] == [{"x0": 25, "y0": 15, "x1": 30, "y1": 20, "label": 1}]


@pytest.mark.parametrize("kind", [point, point_box])
def test_points_lie_on_their_instance_even_with_a_hole_in_the_middle(truth, kind):
    for row in kind.prompts(truth, {}, 0):
        item = next(one for one in truth.of(1) if one.id == row["truth_ids"][0])
        (asked,) = row["points"]
        assert item.mask()[int(asked["y"]), int(asked["x"])]


def test_the_point_is_the_deepest_one(truth):
    corner = list(point.prompts(truth, {}, 0))[1]["points"][0]
    assert (corner["x"], corner["y"]) == (27.5, 17.5)


def test_phrases_know_positives_negatives_and_what_cannot_be_known(truth):
    rows = {(row["image_id"], row["phrase"]): row for row in phrases.prompts(truth, {"phrases": PHRASES}, 0)}
    assert rows[1, "apple"]["truth_ids"] == [10, 11]
    assert rows[1, "ripe apple"]["truth_ids"] == [10]
    assert rows[1, "orange"]["truth_ids"] == []
    assert rows[2, "apple"]["truth_ids"] == []
    assert rows[1, "plum"]["truth_ids"] is None  # its noun is not labelled
    assert rows[1, "shiny apple"]["truth_ids"] is None  # its attribute is not labelled
    assert rows[1, "leaf"]["truth_ids"] is None and rows[1, "leaf"]["kind"] == "other"


def test_the_table_keeps_empty_and_null_apart(truth, tmp_path):
    _write.write(tmp_path / "p.parquet", phrases.prompts(truth, {"phrases": PHRASES}, 0), truth, {})
    table = tables.read(tmp_path / "p.parquet", "prompts").set_index("prompt_id")
    assert table.index.is_unique and len(table) == 2 * len(PHRASES)
    assert list(table.loc["1-3", "truth_ids"]) == []
    assert table.loc["1-4", "truth_ids"] is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"kind": "point", "points": [{"x": 30.0, "y": 1.0, "label": 1}]}, "point (30.0, 1.0) lies outside"),
        (
            {"kind": "box", "boxes": [{"x0": 1, "y0": 1, "x1": 31, "y1": 5}]},
            "box (1, 1, 31, 5) is empty or lies outside",
        ),
        ({"kind": "box", "boxes": [{"x0": 5, "y0": 1, "x1": 5, "y1": 5}]}, "is empty or lies outside"),
        ({"kind": "box", "boxes": [{"x0": float("nan"), "y0": 1, "x1": 5, "y1": 5}]}, "is empty or lies outside"),
        ({"kind": "phrase", "phrase": "  "}, "an empty phrase"),
    ],
)
def test_a_prompt_that_cannot_be_asked_stops_with_one_line_and_no_file(truth, tmp_path, row, message):
    with pytest.raises(UserError, match="1.png") as caught:
        _write.write(tmp_path / "p.parquet", [{"image_id": 1, "truth_ids": [10], **row}], truth, {})
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())
