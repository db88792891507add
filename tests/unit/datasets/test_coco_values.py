"""Numbers, flags, sizes, boxes and polygons as tools write them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samgap.datasets.coco_values import InvalidAnnotationError, parse_flag, parse_number, parse_polygons, parse_size
from tests.helpers.cases import find_case
from tests.helpers.coco import (
    get_full_mask,
    make_labels,
    read_coco,
    read_coco_counts,
    read_coco_error,
    square_mask,
    write_folder,
)

SQUARE = [5, 4, 11, 4, 11, 10, 5, 10]
POINTS = [[5, 4], [11, 4], [11, 10], [5, 10]]


def test_the_case_of_a_flat_polygon_has_both_apples() -> None:
    [image] = read_coco(find_case("flat-polygon"), annotations=["instances.json"])
    assert [(annotation.ignore, annotation.offset, int(annotation.mask.sum())) for annotation in image.annotations] == [
        (False, (8, 10), 144),
        (False, (28, 40), 144),
    ]


@pytest.mark.parametrize(
    ("segmentation", "change"),
    [
        (SQUARE, "with one flat list of numbers are read as one polygon"),
        (POINTS, None),
        ([POINTS], None),
        ([[str(number) for number in SQUARE]], "with numbers as text are read"),
    ],
)
def test_a_polygon_with_one_meaning_is_read(tmp_path: Path, segmentation: Any, change: str | None) -> None:
    source = write_folder(tmp_path / "d", make_labels({"bbox": [5, 4, 6, 6], "segmentation": segmentation}))
    [image], counts = read_coco_counts(source)
    np.testing.assert_array_equal(get_full_mask(image.annotations[0]), square_mask().astype(bool))
    assert counts["read_with_changes"] == ({change: 1} if change else {}) and counts["left_out"] == {}


@pytest.mark.parametrize("segmentation", [None, [], [[]], {}])
def test_an_empty_segmentation_is_none(tmp_path: Path, segmentation: Any) -> None:
    source = write_folder(tmp_path / "d", make_labels({"bbox": [5, 4, 6, 6], "segmentation": segmentation}))
    [image], counts = read_coco_counts(source)
    assert [(annotation.box, annotation.mask) for annotation in image.annotations] == [((5, 4, 11, 10), None)]
    assert counts["left_out"] == {}


@pytest.mark.parametrize(
    ("segmentation", "polygons"),
    [
        ([1, 2, 3, 4], [None] * 4),
        ([1, 2, 3, 4, 5, 6, 7], [None] * 7),
        ([[1, 2], [3, 4]], [None, None]),
        ([[1, 2, 3, 4, 5, 6], [1, 2, 3, 4]], [[1, 2, 3, 4, 5, 6], None]),
        ([[1, 2, 3, 4, 5, float("nan")]], [None]),
        ("1 2 3 4 5 6", []),
        (7, []),
    ],
)
def test_a_polygon_has_three_corners_or_more(segmentation: Any, polygons: list) -> None:
    assert parse_polygons(segmentation) == polygons


def test_a_box_of_numbers_as_text_is_read(tmp_path: Path) -> None:
    [image], counts = read_coco_counts(write_folder(tmp_path / "d", make_labels({"bbox": ["5", "4.0", "6", "6"]})))
    assert image.annotations[0].box == (5, 4, 11, 10)
    assert counts["read_with_changes"] == {"with numbers as text are read": 1}


def test_a_box_as_an_object_is_refused(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "d", make_labels({"bbox": {"x": 5, "y": 4, "width": 6, "height": 6}}))
    message = read_coco_error(source)
    assert "1 of 1 annotations cannot be used: 1 with an invalid box (an object instead of a list)" in message


@pytest.mark.parametrize("value", [1, 1.0, True, "1", "true", "True", " TRUE "])
def test_true_flags(value: Any) -> None:
    assert parse_flag({"iscrowd": value}, "iscrowd") is True


@pytest.mark.parametrize("value", [0, 0.0, False, "0", "false", "False", None])
def test_false_flags(value: Any) -> None:
    assert parse_flag({"iscrowd": value}, "iscrowd") is False
    assert parse_flag({}, "iscrowd") is False


@pytest.mark.parametrize("value", [2, -1, 0.5, float("nan"), "no", "", [], [0], {}])
def test_other_flags_are_invalid(value: Any) -> None:
    with pytest.raises(InvalidAnnotationError, match="an invalid value of iscrowd"):
        parse_flag({"iscrowd": value}, "iscrowd")


def test_flags_as_text_decide_what_is_ignored(tmp_path: Path) -> None:
    values = [("iscrowd", "0"), ("ignore", "false"), ("iscrowd", "1"), ("ignore", "true")]
    rows = [{"bbox": [n, 1, 4, 4], name: value} for n, (name, value) in enumerate(values)]
    [image] = read_coco(write_folder(tmp_path / "d", make_labels(*rows)))
    assert [annotation.ignore for annotation in image.annotations] == [False, False, True, True]


def test_an_annotation_with_an_invalid_flag_is_ignored_and_counted(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "d", make_labels({"bbox": [5, 4, 6, 6], "iscrowd": 7}, {"bbox": [1, 1, 2, 2]}))
    [image], counts = read_coco_counts(source, **{"max-left-out": 0.5})
    assert [annotation.ignore for annotation in image.annotations] == [True, False] and image.incomplete == ("apple",)
    reason = "with an invalid value of iscrowd are ignored in the evaluation, in their whole box"
    assert counts["left_out"] == {reason: 1}


@pytest.mark.parametrize(
    ("width", "size"),
    [(40, (40, 30)), (40.0, (40, 30)), ("40", (40, 30)), (" 40.0", (40, 30)), (0, None), (None, None)],
)
def test_sizes_are_whole_numbers_of_px(width: Any, size: tuple[int, int] | None) -> None:
    assert parse_size({"width": width, "height": 30}) == size


@pytest.mark.parametrize("width", [1280.5, "1280.5", -40, True, "wide", float("inf"), [40]])
def test_other_sizes_are_refused(tmp_path: Path, width: Any) -> None:
    labels = make_labels({"bbox": [5, 4, 6, 6]})
    labels["images"][0]["width"] = width
    message = read_coco_error(write_folder(tmp_path / "d", labels))
    assert "labels.json: image a.jpg: width is " in message and "not a whole number of px; correct it" in message


def test_a_size_that_is_not_stated_is_that_of_the_image(tmp_path: Path) -> None:
    labels = make_labels({"bbox": [5, 4, 6, 6]})
    del labels["images"][0]["width"]
    assert read_coco(write_folder(tmp_path / "d", labels))[0].width == 40


@pytest.mark.parametrize(
    ("value", "number"),
    [(7, 7.0), ("7", 7.0), ("-7.5e1", -75.0), (".5", 0.5), ("7px", None), ("", None), ("nan", None), (True, None)],
)
def test_numbers_may_be_text(value: Any, number: float | None) -> None:
    assert parse_number(value) == number
