"""Annotations that repeat another: one instance, of which contradicting values are unknown."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samgap.datasets import Annotation
from samgap.datasets.left_out import LabelCounts
from samgap.datasets.repetitions import CONTRADICTING, OTHER_NOUN, OVERLAPPING, REPEATED, ReadLabel, merge_repetitions
from tests.helpers.coco import (
    compress,
    make_jpeg,
    make_labels,
    read_coco,
    read_coco_counts,
    read_coco_error,
    square_mask,
    write_folder,
)

BOX = {"bbox": [5, 4, 6, 6]}
SQUARE = [5, 4, 11, 4, 11, 10, 5, 10]
RIPENESS = {"attribute-values": {"ripeness": ["ripe", "unripe"]}}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (BOX, BOX),
        (BOX, {"bbox": [5.0, "4", 6, 6], "segmentation": []}),
        (BOX, {**BOX, "area": 30, "score": 1}),
        ({**BOX, "segmentation": [SQUARE]}, {"segmentation": SQUARE}),
        ({"segmentation": [SQUARE]}, {"segmentation": [SQUARE[2:] + SQUARE[:2]]}),
        ({"segmentation": [SQUARE]}, {"segmentation": compress(square_mask())}),
    ],
)
def test_an_object_that_is_written_twice_is_one_instance(tmp_path: Path, first: dict, second: dict) -> None:
    [image], counts = read_coco_counts(write_folder(tmp_path / "d", make_labels(first, second)))
    assert len(image.annotations) == 1 and image.incomplete == ()
    assert counts["not_used"] == {REPEATED: 1} and counts["n_annotations_read"] == 2


def test_contradicting_attributes_of_one_object_are_unknown(tmp_path: Path, logged_warnings) -> None:
    rows = [{**BOX, "ripeness": value, "stem": "yes"} for value in ("ripe", "unripe")]
    options = {"attribute-values": {"ripeness": ["ripe", "unripe"], "stem": ["yes", "no"]}}
    [image], counts = read_coco_counts(write_folder(tmp_path / "d", make_labels(*rows)), **options)
    [annotation] = image.annotations
    assert annotation.attributes == {"stem": "yes"} and annotation.unknown_attributes == ("ripeness",)
    assert counts["not_used"] == {CONTRADICTING: 1}
    assert f"1 {CONTRADICTING} (id 2 as 1)" in logged_warnings()[0]


def test_categories_of_one_noun_contradict_each_other(tmp_path: Path) -> None:
    """A relabelled apple whose old label was not deleted."""
    labels = make_labels(BOX, {**BOX, "category_id": 4})
    labels["categories"].append({"id": 4, "name": "green apple"})
    nouns = {"apple": {"noun": "apple", "attributes": {"colour": "red"}}}
    nouns["green apple"] = {"noun": "apple", "attributes": {"colour": "green"}}
    [image] = read_coco(write_folder(tmp_path / "d", labels), nouns=nouns)
    [annotation] = image.annotations
    assert annotation.attributes == {} and annotation.unknown_attributes == ("colour",)


@pytest.mark.parametrize("flags", [(0, 1), (1, 0)])
def test_an_object_is_ignored_if_one_of_its_annotations_is(tmp_path: Path, flags: tuple[int, int]) -> None:
    rows = [{**BOX, "ignore": flag} for flag in flags]
    [image], counts = read_coco_counts(write_folder(tmp_path / "d", make_labels(*rows)))
    assert [annotation.ignore for annotation in image.annotations] == [True]
    assert counts["not_used"] == {CONTRADICTING: 1}


def test_nearly_equal_boxes_of_one_noun_are_told(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"bbox": [2, 2, 20, 20]}, {"bbox": [2.1, 2, 20, 20.2]}, {"bbox": [4, 2, 20, 20]}]
    rows.append({"bbox": [2, 2, 20, 20], "ignore": 1, "segmentation": [SQUARE]})
    [image], counts = read_coco_counts(write_folder(tmp_path / "d", make_labels(*rows)))
    assert len(image.annotations) == 4 and counts["read_with_changes"] == {OVERLAPPING: 1}


def test_one_shape_of_two_nouns_is_told(tmp_path: Path) -> None:
    labels = make_labels(BOX, {**BOX, "category_id": 4})
    labels["categories"].append({"id": 4, "name": "pear"})
    [image], counts = read_coco_counts(write_folder(tmp_path / "d", labels), nouns={"apple": "apple", "pear": "pear"})
    assert [annotation.noun for annotation in image.annotations] == ["apple", "pear"]
    assert counts["read_with_changes"] == {OTHER_NOUN: 1} and counts["not_used"] == {}


def test_lost_annotations_are_not_merged_and_the_order_stays() -> None:
    mask = np.ones((2, 3), bool)
    lost = Annotation("apple", mask=mask, offset=(1, 1), ignore=True)
    boxes = [Annotation("apple", box=(x, 0.0, x + 3.0, 3.0)) for x in (9.0, 20.0)]
    labels = [
        ReadLabel("1", boxes[0]),
        ReadLabel("2", lost, is_lost=True),
        ReadLabel("3", Annotation("apple", mask=mask.copy(), offset=(1, 1))),
        ReadLabel("4", boxes[1]),
        ReadLabel("5", boxes[0]),
    ]
    counts = LabelCounts()
    merged = merge_repetitions(labels, counts)
    assert merged == [label.annotation for label in labels[:4]]
    assert counts.n_usable == 3 and counts.not_used == {REPEATED: ["5"]}


# --- photographs that are listed twice


def write_two_files(path: Path, first: dict[str, Any], second: dict[str, Any]) -> Path:
    source = write_folder(path, first, **{"a.jpg": make_jpeg(1), "b.jpg": make_jpeg(2)})
    (source / "more.json").write_text(json.dumps(second), encoding="utf-8")
    return source


def test_a_copy_of_a_coco_file_is_read_once(tmp_path: Path, logged_warnings) -> None:
    rows = [{"bbox": [n, 4, 6, 6]} for n in (5, 20)]
    copy = make_labels({**rows[1], "id": 9}, {"bbox": [5.0, 4.0, 6.0, 6.0]}, images=("a.jpg", "b.jpg"))
    source = write_two_files(tmp_path / "d", make_labels(*rows, images=("a.jpg", "b.jpg")), copy)
    images, counts = read_coco_counts(source, annotations=["*.json"])
    assert [len(image.annotations) for image in images] == [2, 0]
    assert counts["not_used"] == {REPEATED: 2} and counts["n_annotations_read"] == 4
    assert (
        "labelled twice with equal annotations, which are read once (2): a.jpg in d/more.json" in logged_warnings()[0]
    )


@pytest.mark.parametrize(
    "changed",
    [
        make_labels({"bbox": [6, 4, 6, 6]}),
        make_labels({**BOX, "ripeness": "unripe"}),
        make_labels({**BOX, "iscrowd": 1}),
        make_labels(),
        make_labels(BOX, {"bbox": [20, 4, 6, 6]}),
        make_labels(BOX, {"bbox": [20, 4, 6, 6], "category_id": 9}),
    ],
)
def test_two_coco_files_that_contradict_each_other_are_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    source = write_two_files(tmp_path / "d", make_labels(BOX), changed)
    message = read_coco_error(source, annotations=["*.json"], crowds="ignore", **RIPENESS)
    assert "a.jpg is twice in d/labels.json and d/more.json, with different annotations; remove one" in message


def test_annotations_too_deep_to_compare_are_refused(tmp_path: Path) -> None:
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    labels = make_labels({**BOX, "note": deep})
    message = read_coco_error(write_two_files(tmp_path / "d", labels, labels), annotations=["*.json"])
    assert "a.jpg is twice in d/labels.json and d/more.json" in message
