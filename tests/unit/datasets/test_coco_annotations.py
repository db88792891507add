"""Annotations of COCO files: valid ones are read, invalid ones are ignored in their box or left out, and counted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samgap.datasets.coco_annotations import make_annotation
from samgap.datasets.coco_attributes import Category
from samgap.datasets.coco_files import CocoLabel
from samgap.datasets.left_out import LabelCounts
from tests.helpers.coco import (
    HEIGHT,
    OPTIONS,
    WIDTH,
    compress,
    get_full_mask,
    make_labels,
    read_coco,
    square_mask,
    write_folder,
)


@pytest.mark.parametrize(
    ("row", "message", "ignored"),
    [
        ({"bbox": [5, 4, -6, 6]}, "with an invalid box (width or height not above 0) are left out", []),
        ({"bbox": [5, 4, 0, 6]}, "with an invalid box (width or height not above 0) are left out", []),
        ({"bbox": [5, 4, 6]}, "with an invalid box (not four numbers) are left out", []),
        ({"bbox": [5, 4, float("nan"), 6]}, "with an invalid box (a number is NaN, infinite or too large)", []),
        ({"bbox": [5, 4, 10**400, 6]}, "with an invalid box (a number is NaN, infinite or too large)", []),
        ({"bbox": "5 4 6 6"}, "with an invalid box (not four numbers) are left out", []),
        ({}, "with no box are left out", []),
        ({"bbox": [WIDTH + 1, 4, 6, 6]}, "with a box outside its image are left out", []),
        ({"bbox": [-4, 4, 8, 6]}, "reach out of their image and are cut", [False]),
        ({"segmentation": [[-4, 4, 4, 4, 4, 10, -4, 10]]}, "1 reach out of their image and are cut", [False]),
        ({"bbox": [5, 4, 6, 6], "segmentation": [[0.1, 0.1, 0.4, 0.1, 0.4, 1]]}, "polygons within one pixel", [True]),
        ({"segmentation": [[0.1, 0.1, 0.4, 0.1, 0.4, 1]]}, "polygons within one pixel and no box are left out", []),
        ({"bbox": [5, 4, 6, 6], "segmentation": [[5, 4, 11, 4]]}, "with an invalid polygon are ignored", [True]),
        ({"bbox": [5, 4, 6, 6], "segmentation": [[5, 4, 1e8, 4, 5, 9]]}, "with an invalid polygon are ignored", [True]),
        ({"segmentation": [[5, 4, 11, 4]]}, "with an invalid polygon and no box are left out", []),
        (
            {"bbox": [5, 4, 6, 6], "segmentation": [[5, 4, 11, 4, 11, 10, 5, 10], [1, 2, 3, 4]]},
            "with an invalid polygon among valid ones are read without it",
            [False],
        ),
        ({"bbox": [5, 4, 6, 6], "segmentation": {"size": [HEIGHT, WIDTH], "counts": [0, 9]}}, "do not fill", [True]),
        ({"bbox": [5, 4, 6, 6], "segmentation": {"size": [9, 9], "counts": [81]}}, "of another size", [True]),
        ({"bbox": [5, 4, 6, 6], "segmentation": {"size": [HEIGHT, WIDTH], "counts": "PPZZ\\"}}, "run length", [True]),
        ({"bbox": [5, 4, 6, 6], "segmentation": compress(square_mask() * 0)}, "with an empty mask are ignored", [True]),
        (
            {"bbox": [5, 4, 6, 6], "segmentation": "mask.png"},
            "with a segmentation of unknown format are ignored",
            [True],
        ),
        ({"bbox": [5, 4, 6, 6], "image_id": 99}, "of an unknown image are left out", []),
        ({"bbox": [5, 4, 6, 6], "category_id": 99}, "of an unknown category are left out", []),
        ({"bbox": [1, 1, 2, 2]}, "that repeat another are left out", []),
    ],
)
def test_invalid_annotations_are_counted_and_valid_ones_are_read(
    tmp_path: Path, logged_warnings, row: dict, message: str, ignored: list
) -> None:
    source = write_folder(tmp_path / "d", make_labels({"bbox": [1, 1, 2, 2]}, row))
    [image] = read_coco(source, **{"max-left-out": 1})
    assert [annotation.ignore for annotation in image.annotations] == [False, *ignored]
    [warning] = logged_warnings()
    assert f"warning: {tmp_path / 'd'}: of 2 annotations" in warning
    assert message in warning
    assert "(id 2" in warning


def test_an_invalid_segmentation_is_ignored_in_its_whole_box(tmp_path: Path) -> None:
    rows = {"bbox": [5.5, 4, 5, 6], "segmentation": [[1, 2]]}, {"bbox": [1, 1, 2, 2]}
    [image] = read_coco(write_folder(tmp_path / "d", make_labels(*rows)), **{"max-left-out": 0.5})
    np.testing.assert_array_equal(get_full_mask(image.annotations[0]), square_mask().astype(bool))


def make(values: dict[str, Any], **options: Any) -> tuple[Any, str | None, dict[str, list[str]]]:
    """Return the annotation of a COCO annotation, the reason why it is lost, and the changes."""
    counts = LabelCounts()
    label = CocoLabel("7", "apple", values)
    annotation, reason = make_annotation(label, Category("apple"), (WIDTH, HEIGHT), {**OPTIONS, **options}, counts)
    return annotation, reason, dict(counts.changed)


def test_a_crowd_is_ignored_or_an_instance() -> None:
    crowd = {"iscrowd": 1, "segmentation": compress(square_mask())}
    assert make(crowd)[0].ignore
    assert not make(crowd, crowds="instances")[0].ignore
    assert make({**crowd, "ignore": 1}, crowds="instances")[0].ignore


def test_a_lost_annotation_with_a_box_is_an_ignored_region_without_attributes() -> None:
    values = {"bbox": [5, 4, 6, 6], "segmentation": "mask.png", "attributes": {"ripeness": "ripe"}}
    annotation, reason, changes = make(values, **{"attribute-values": {"ripeness": ["ripe"]}})
    assert (annotation.ignore, annotation.offset, annotation.mask.shape) == (True, (4, 5), (6, 6))
    assert dict(annotation.attributes) == {} and changes == {}
    assert reason == "with a segmentation of unknown format are ignored in the evaluation, in their whole box"


def test_a_lost_annotation_without_a_box_is_left_out() -> None:
    assert make({"segmentation": [[1, 2]]}) == (None, "with an invalid polygon and no box are left out", {})


def test_changes_are_recorded_of_annotations_that_are_read() -> None:
    annotation, reason, changes = make({"bbox": ["-4", 4, 8, 6]})
    assert annotation.box == (0, 4, 4, 10) and reason is None
    assert changes == {"reach out of their image and are cut": ["7"], "with numbers as text are read": ["7"]}


@pytest.mark.parametrize("segmentation", [[[5, 4, 11, 4, 11, 10, 5, 10]], compress(square_mask())])
def test_a_box_that_is_not_used_is_not_counted_as_cut(segmentation: Any) -> None:
    annotation, reason, changes = make({"bbox": [-9, 4, 60, 6], "segmentation": segmentation})
    assert annotation.mask.sum() == 36 and reason is None and changes == {}
