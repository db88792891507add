"""Whole COCO files whose boxes, polygons or crowds are wrong in the same way are refused with the cause."""

from pathlib import Path
from typing import Any

import pytest

from samgap.datasets.coco_checks import check_geometry
from tests.helpers.cases import find_case
from tests.helpers.coco import (
    compress,
    get_full_mask,
    make_labels,
    read_coco,
    read_coco_counts,
    read_coco_error,
    square_mask,
    write_folder,
)

CASE = {"annotations": ["instances.json"]}
SHARES = ([0.1, 0.2, 0.3, 0.25], [0.5, 0.5, 0.125, 0.2])
CORNERS = ([5, 4, 11, 10], [20, 8, 30, 20], [15, 10, 30, 29], [30, 20, 38, 28])


def write_boxes(folder: Path, *boxes: Any, **values: Any) -> Path:
    return write_folder(folder, make_labels(*({"bbox": list(box), **values} for box in boxes)))


# --- units


def test_the_case_of_boxes_as_shares_is_refused() -> None:
    message = read_coco_error(find_case("boxes-as-shares"), **CASE)
    assert "2 of 2 boxes lie within one pixel: are they shares of the image (0 to 1)?" in message


def test_boxes_as_shares_are_refused_before_an_image_is_read(tmp_path: Path) -> None:
    source = write_boxes(tmp_path / "d", *SHARES)
    (source / "a.jpg").write_bytes(b"not an image: must not be opened")
    assert "labels.json: 2 of 2 boxes lie within one pixel" in read_coco_error(source)


def test_a_few_boxes_as_shares_are_left_out(tmp_path: Path) -> None:
    boxes = [[n, 1, 4, 4] for n in range(30)]
    images, counts = read_coco_counts(write_boxes(tmp_path / "d", SHARES[0], *boxes))
    assert len(images[0].annotations) == 30 and images[0].incomplete == ("apple",)
    assert counts["left_out"] == {"with a box within one pixel are left out": 1}


def test_one_annotation_as_shares_among_others_is_left_out(tmp_path: Path) -> None:
    """It is the only box, or the only polygon, of the file."""
    masks = [{"bbox": [n, 4, 6, 6], "segmentation": compress(square_mask(left=n))} for n in range(30)]
    shares = [0.1, 0.2, 0.4, 0.2, 0.4, 0.9]
    for row, reason in (
        ({"bbox": SHARES[0]}, "with a box within one pixel are left out"),
        ({"segmentation": [shares]}, "with polygons within one pixel and no box are left out"),
        (
            {"bbox": [5, 4, 6, 6], "segmentation": [shares]},
            "with polygons within one pixel are ignored in the evaluation, in their whole box",
        ),
    ):
        [image], counts = read_coco_counts(write_folder(tmp_path / "d", make_labels(*masks, row)))
        assert sum(not annotation.ignore for annotation in image.annotations) == 30
        assert image.incomplete == ("apple",) and counts["left_out"] == {reason: 1}


def test_boxes_and_polygons_as_shares_are_refused_together(tmp_path: Path) -> None:
    polygons = [{"segmentation": [[0.1, 0.1, 0.4, 0.1, 0.4, n / 100]]} for n in range(20, 23)]
    rows = [{"bbox": SHARES[0]}, {"bbox": SHARES[1]}, {"bbox": [5, 4, 6, 6]}, {"bbox": [9, 9, 6, 6]}, *polygons]
    message = read_coco_error(write_folder(tmp_path / "d", make_labels(*rows)))
    assert "the polygons of 3 of 3 annotations lie within one pixel" in message


def test_boxes_of_annotations_with_masks_are_not_used(tmp_path: Path) -> None:
    [image] = read_coco(write_boxes(tmp_path / "d", SHARES[0], segmentation=compress(square_mask())))
    assert (get_full_mask(image.annotations[0]) == square_mask()).all() and image.incomplete == ()


def test_polygons_as_shares_are_refused(tmp_path: Path) -> None:
    for polygon in (
        [[0.1, 0.1, 0.4, 0.1, 0.4, 0.5]],
        [0.1, 0.1, 0.4, 0.1, 0.4, 0.5],
        [[0.1, 0.1], [0.4, 0.1], [0.4, 1]],
    ):
        rows = [{"bbox": [5, 4, 6, 6], "segmentation": polygon}]
        message = read_coco_error(write_folder(tmp_path / "d", make_labels(*rows)))
        assert "the polygons of 1 of 1 annotations lie within one pixel: are they shares of the image" in message


TRIANGLES = [{"bbox": [6 * n, 60, 30, 240], "segmentation": [[n, 10, n + 30, 10, n, 50]]} for n in range(10)]
BOXES = [{"bbox": [n, 10, 30, 40]} for n in range(10)]
IN_PX = {"bbox": [300, 200, 90, 90]}


@pytest.mark.parametrize(
    ("rows", "shapes"),
    [
        (BOXES, "10 of 10 boxes"),
        ([*BOXES, IN_PX], "10 of 11 boxes"),
        (TRIANGLES, "10 of 10 polygons"),
        ([*TRIANGLES, IN_PX], "10 of 11 boxes and polygons"),
        ([*BOXES[:5], *TRIANGLES[:5]], "10 of 10 boxes and polygons"),
    ],
)
def test_boxes_and_polygons_in_percent_are_told(tmp_path: Path, logged_warnings, rows: list, shapes: str) -> None:
    labels = make_labels(*rows)
    labels["images"][0] |= {"width": 640, "height": 480}
    source = write_folder(tmp_path / "d", labels)
    assert "40x30 px, but its labels are for 640x480 px" in read_coco_error(source)
    assert f"{shapes} lie within 100 px, in images of at least 480 px: are they percentages?" in logged_warnings()[0]


@pytest.mark.parametrize(
    ("rows", "size"),
    [(BOXES[:9], (640, 480)), ([*TRIANGLES, IN_PX, IN_PX], (640, 480)), (TRIANGLES, (640, 199)), (BOXES, None)],
)
def test_few_small_or_undecided_shapes_are_not_told_as_percentages(logged_warnings, rows: list, size: Any) -> None:
    check_geometry("labels.json", [(row, size) for row in rows])
    assert logged_warnings() == []


# --- corners


@pytest.mark.parametrize("inclusive", [0, 1])
def test_boxes_whose_area_is_that_of_corners_are_refused(tmp_path: Path, inclusive: int) -> None:
    x0, y0, x1, y1 = CORNERS[0]
    area = (x1 - x0 + inclusive) * (y1 - y0 + inclusive)
    message = read_coco_error(write_boxes(tmp_path / "d", CORNERS[0], area=area))
    assert "1 of 1 boxes seem to be corners x0, y0, x1, y1 (`area` is that of corners); write `bbox` as x, y" in message


def test_boxes_that_only_fit_the_image_as_corners_are_refused(tmp_path: Path) -> None:
    message = read_coco_error(write_boxes(tmp_path / "d", *CORNERS))
    assert "3 of 4 boxes seem to be corners x0, y0, x1, y1 (as sizes, they reach out of their image)" in message


def test_a_few_corners_are_left_out(tmp_path: Path) -> None:
    boxes = [{"bbox": [n, 4, 6, 6], "area": 36} for n in range(30)]
    masks = [{"bbox": [n, 4, 6, 6], "segmentation": compress(square_mask(left=n))} for n in range(30)]
    corners = {"bbox": CORNERS[1], "area": 120}
    for others in (boxes, masks):
        source = write_folder(tmp_path / "d", make_labels(*others, corners))
        [image], counts = read_coco_counts(source)
        assert len(image.annotations) == 30 and image.incomplete == ("apple",)
        assert counts["left_out"] == {"with a box that seems to be corners x0, y0, x1, y1 are left out": 1}


def test_a_few_corners_that_reach_out_of_the_image_are_left_out(tmp_path: Path) -> None:
    masks = [{"segmentation": compress(square_mask(left=n))} for n in range(30)]
    source = write_folder(tmp_path / "d", make_labels(*masks, *({"bbox": box} for box in CORNERS)))
    [image], counts = read_coco_counts(source, **{"max-left-out": 0.2})
    assert len(image.annotations) == 30
    assert counts["left_out"] == {"with a box that seems to be corners x0, y0, x1, y1 are left out": 4}


def test_areas_of_masks_do_not_make_boxes_corners(tmp_path: Path) -> None:
    boxes = [{"bbox": [n, 1, 10, 10], "area": 70} for n in range(10)]
    [image] = read_coco(write_folder(tmp_path / "d", make_labels({"bbox": [2, 2, 10, 10], "area": 64}, *boxes)))
    assert len(image.annotations) == 11


def test_all_annotations_of_a_noun_as_corners_stop_the_run(tmp_path: Path) -> None:
    labels = make_labels(*({"bbox": [n, 4, 6, 6]} for n in range(30)), {"bbox": CORNERS[1], "area": 120})
    labels["categories"].append({"id": 4, "name": "pear"})
    labels["annotations"][-1]["category_id"] = 4
    message = read_coco_error(write_folder(tmp_path / "d", labels), nouns={"apple": "apple", "pear": "pear"})
    assert "all 1 annotations of pear cannot be used: 1 with a box that seems to be corners" in message


def test_boxes_with_a_size_are_read_with_and_without_area(tmp_path: Path, logged_warnings) -> None:
    boxes = [[x0, y0, x1 - x0, y1 - y0] for x0, y0, x1, y1 in CORNERS]
    for area in ({}, {"area": 36}):
        [image] = read_coco(write_boxes(tmp_path / "d", *boxes, **area))
        assert [annotation.box for annotation in image.annotations] == [tuple(corners) for corners in CORNERS]
    assert logged_warnings() == []


def test_an_area_larger_than_the_box_is_told(tmp_path: Path, logged_warnings) -> None:
    read_coco(write_boxes(tmp_path / "d", [5, 4, 6, 6], [9, 9, 6, 6], area=144))
    assert (
        "`area` of 2 of 2 boxes is larger than width × height: are the boxes in px of the image?"
        in logged_warnings()[0]
    )


def test_annotations_with_scores_are_told(tmp_path: Path, logged_warnings) -> None:
    read_coco(write_boxes(tmp_path / "d", [5, 4, 6, 6], score=0.9))
    assert "1 of 1 annotations have a `score`: are they predictions and not labels?" in logged_warnings()[0]


# --- crowds


def make_crowds(n_crowds: int, n_others: int) -> dict[str, Any]:
    rows = [
        {"iscrowd": int(n < n_crowds), "segmentation": compress(square_mask(left=n)), "bbox": [n, 4, 6, 6]}
        for n in range(n_crowds + n_others)
    ]
    return make_labels(*rows)


def test_the_case_of_masks_as_crowds_is_refused_or_read() -> None:
    folder = find_case("rle-means-crowd")
    assert "all 2 annotations of apple are crowds (`iscrowd`)" in read_coco_error(folder, **CASE)
    [image] = read_coco(folder, **CASE, crowds="instances")
    assert [(annotation.ignore, int(annotation.mask.sum())) for annotation in image.annotations] == [(False, 144)] * 2


def test_a_file_of_crowds_alone_needs_the_option(tmp_path: Path, logged_warnings) -> None:
    source = write_folder(tmp_path / "d", make_crowds(3, 0))
    message = read_coco_error(source)
    assert "set `crowds: instances` if each is one object, or `crowds: ignore`" in message
    assert [annotation.ignore for annotation in read_coco(source, crowds="instances")[0].annotations] == [False] * 3
    assert logged_warnings() == []
    assert [annotation.ignore for annotation in read_coco(source, crowds="ignore")[0].annotations] == [True] * 3
    assert "all 3 annotations of apple are crowds (`iscrowd`) and are ignored in the evaluation" in logged_warnings()[0]
    assert "no image has an annotation that counts in the evaluation" in logged_warnings()[1]


@pytest.mark.parametrize(("n_crowds", "is_told"), [(2, True), (1, False)])
def test_a_majority_of_crowds_is_told(tmp_path: Path, logged_warnings, n_crowds: int, is_told: bool) -> None:
    [image] = read_coco(write_folder(tmp_path / "d", make_crowds(n_crowds, 1)))
    assert sum(annotation.ignore for annotation in image.annotations) == n_crowds
    assert any(f"{n_crowds} of 3 annotations of apple" in warning for warning in logged_warnings()) == is_told


def make_crowds_of_a_noun(n_crowds: int, n_others: int) -> dict[str, Any]:
    """Return masks of apple, the first of which are crowds, beside 7 boxes of leaf."""
    labels = make_crowds(n_crowds, n_others)
    labels["categories"].append({"id": 4, "name": "leaf"})
    for n in range(7):
        row = {"id": 100 + n, "image_id": 1, "category_id": 4, "bbox": [20, n, 6, 6]}
        labels["annotations"].append(row)
    return labels


NOUNS = {"nouns": {"apple": "apple", "leaf": "leaf"}}


@pytest.mark.parametrize("n_crowds", [4, 1])
def test_a_noun_of_crowds_alone_needs_the_option_beside_other_nouns(tmp_path: Path, n_crowds: int) -> None:
    source = write_folder(tmp_path / "d", make_crowds_of_a_noun(n_crowds, 0))
    assert (
        f"labels.json: all {n_crowds} annotations of apple are crowds (`iscrowd`), and some tools mark each brush mask "
        "so; set `crowds: instances` if each is one object, or `crowds: ignore`"
    ) in read_coco_error(source, **NOUNS)
    [image] = read_coco(source, **NOUNS, crowds="instances")
    assert sum(not annotation.ignore for annotation in image.annotations) == n_crowds + 7


def test_a_noun_of_which_half_are_crowds_is_told(tmp_path: Path, logged_warnings) -> None:
    [image] = read_coco(write_folder(tmp_path / "d", make_crowds_of_a_noun(2, 2)), **NOUNS)
    assert sum(annotation.ignore for annotation in image.annotations) == 2
    [warning] = logged_warnings()
    assert "2 of 4 annotations of apple are crowds (`iscrowd`) and are ignored in the evaluation" in warning
