"""The annotations of each COCO file are judged by themselves."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.coco import make_jpeg, make_labels, read_coco_counts, read_coco_error, write_folder

BROKEN_BOX = {"bbox": [5, 4, -6, 6]}
BOX_REASON = "with an invalid box (width or height not above 0) are left out"
FILES = {"annotations": ["*.json"]}


def make_boxes(n: int, **values: Any) -> list[dict[str, Any]]:
    return [{"bbox": [number % 30, number // 30, 4, 4], **values} for number in range(n)]


def write_two_files(path: Path, first: list[dict[str, Any]], second: list[dict[str, Any]]) -> Path:
    """Write labels.json for a.jpg, and more.json for b.jpg and c.jpg."""
    images = {name: make_jpeg(seed) for seed, name in enumerate(("a.jpg", "b.jpg", "c.jpg"))}
    source = write_folder(path, make_labels(*first), **images)
    labels = make_labels(*second, images=("b.jpg", "c.jpg"))
    (source / "more.json").write_text(json.dumps(labels), encoding="utf-8")
    return source


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ([BROKEN_BOX], f"more.json: 1 of 1 annotations cannot be used: 1 {BOX_REASON} (id more:1)"),
        ([*make_boxes(9), BROKEN_BOX], f"more.json: 1 of 10 annotations cannot be used: 1 {BOX_REASON} (id more:10)"),
        ([*make_boxes(9), {**BROKEN_BOX, "image_id": 2}], "more.json: 1 of 10 annotations cannot be used"),
        ([*make_boxes(9), *make_boxes(1, category_id=9)], "more.json: 1 of 10 annotations cannot be used"),
        ([*make_boxes(9), *make_boxes(1, image_id=9)], "more.json: 1 of 10 annotations cannot be used"),
    ],
)
def test_a_file_that_loses_too_many_annotations_stops_the_run(
    tmp_path: Path, second: list[dict[str, Any]], message: str
) -> None:
    """The lost annotation is less than a hundredth of all."""
    assert message in read_coco_error(write_two_files(tmp_path / "d", make_boxes(200), second), **FILES)


def test_few_lost_annotations_of_each_file_are_counted_together(tmp_path: Path) -> None:
    source = write_two_files(tmp_path / "d", [*make_boxes(20), BROKEN_BOX], [*make_boxes(40), BROKEN_BOX])
    images, counts = read_coco_counts(source, **FILES)
    assert counts["left_out"] == {BOX_REASON: 2} and counts["n_annotations_read"] == 62
    assert [image.incomplete for image in images] == [("apple",), ("apple",), ()]


def test_a_file_may_lose_all_that_is_not_read_from_it(tmp_path: Path) -> None:
    """A list of files selects images of the first COCO file alone."""
    source = write_two_files(tmp_path / "d", make_boxes(20), [BROKEN_BOX])
    (tmp_path / "list.txt").write_text("a.jpg\n", encoding="utf-8")
    images, counts = read_coco_counts(source, **FILES, files=str(tmp_path / "list.txt"))
    assert len(images) == 1 and counts["left_out"] == {}


def test_an_annotation_of_a_photograph_that_is_listed_twice_counts_once(tmp_path: Path) -> None:
    """Of the six annotations that more.json adds, one is lost."""
    source = write_two_files(tmp_path / "d", make_boxes(20), make_boxes(3))
    labels = json.loads((source / "more.json").read_text(encoding="utf-8"))
    repeated = make_labels(*make_boxes(20), images=("a.jpg",))
    labels["images"].append({**repeated["images"][0], "id": 3})
    rows = [*make_boxes(20, image_id=3), {**BROKEN_BOX, "image_id": 2}]
    labels["annotations"] += [{"id": 90 + n, "category_id": 3, **row} for n, row in enumerate(rows)]
    (source / "more.json").write_text(json.dumps(labels), encoding="utf-8")
    assert "more.json: 1 of 4 annotations cannot be used" in read_coco_error(source, **FILES)


# --- crowds


def make_crowds(n_crowds: int, n_others: int) -> list[dict[str, Any]]:
    return [{"bbox": [n, 4, 6, 6], "iscrowd": int(n < n_crowds)} for n in range(n_crowds + n_others)]


def test_a_file_of_crowds_alone_is_refused_beside_others(tmp_path: Path) -> None:
    source = write_two_files(tmp_path / "d", make_boxes(200), make_crowds(3, 0))
    assert "more.json: all 3 annotations of apple are crowds (`iscrowd`)" in read_coco_error(source, **FILES)
    images, _ = read_coco_counts(source, **FILES, crowds="ignore")
    assert [sum(annotation.ignore for annotation in image.annotations) for image in images] == [0, 3, 0]


def test_a_file_whose_most_annotations_are_crowds_is_told(tmp_path: Path, logged_warnings) -> None:
    source = write_two_files(tmp_path / "d", make_boxes(200), make_crowds(2, 1))
    read_coco_counts(source, **FILES)
    [warning] = [warning for warning in logged_warnings() if "crowds" in warning]
    assert "more.json: 2 of 3 annotations of apple are crowds (`iscrowd`)" in warning


# --- annotations without an image


def write_two_nouns(path: Path, orphan_category: int) -> Path:
    """Write an orphan, and 30 apples of a.jpg, a pear of b.jpg, both of c.jpg, and a leaf of d.jpg."""
    rows = [
        *make_boxes(30),
        {"bbox": [1, 20, 4, 4], "category_id": 4, "image_id": 2},
        {"bbox": [1, 20, 4, 4], "category_id": 3, "image_id": 3},
        {"bbox": [9, 20, 4, 4], "category_id": 4, "image_id": 3},
        {"bbox": [9, 20, 4, 4], "category_id": 5, "image_id": 4},
        {"bbox": [20, 20, 4, 4], "category_id": orphan_category, "image_id": 99},
    ]
    labels = make_labels(*rows, images=("a.jpg", "b.jpg", "c.jpg", "d.jpg"))
    labels["categories"] += [{"id": 4, "name": "pear"}, {"id": 5, "name": "leaf"}]
    return write_folder(path, labels)


@pytest.mark.parametrize(
    ("orphan_category", "incomplete"),
    [
        (3, [(), ("apple",), (), ("apple",)]),
        (4, [("pear",), (), (), ("pear",)]),
        (5, [(), (), (), ()]),
        (9, [("pear",), ("apple",), (), ("apple", "pear")]),
    ],
)
def test_images_that_may_have_an_annotation_of_an_unknown_image_are_incomplete(
    tmp_path: Path, orphan_category: int, incomplete: list[tuple[str, ...]]
) -> None:
    """Category 9 is unknown; category 5 has no noun."""
    source = write_two_nouns(tmp_path / "d", orphan_category)
    images, counts = read_coco_counts(source, nouns={"apple": "apple", "pear": "pear"})
    assert [image.incomplete for image in images] == incomplete
    assert sum(counts["left_out"].values()) == (orphan_category != 5)


@pytest.mark.parametrize(("image_id", "incomplete"), [(7, [(), (), ("apple",)]), (8, [(), (), ()])])
def test_an_annotation_may_belong_to_an_image_of_another_file(
    tmp_path: Path, image_id: int, incomplete: list[tuple[str, ...]]
) -> None:
    """labels.json was divided; the annotation of image 7, which is c.jpg, stayed in it."""
    source = write_two_files(tmp_path / "d", [*make_boxes(20), *make_boxes(1, image_id=image_id)], make_boxes(1))
    labels = json.loads((source / "more.json").read_text(encoding="utf-8"))
    labels["images"][1]["id"] = 7
    (source / "more.json").write_text(json.dumps(labels), encoding="utf-8")
    images, _ = read_coco_counts(source, **FILES)
    assert [image.incomplete for image in images] == incomplete


def test_annotations_of_an_unknown_image_count_in_a_selection_of_images(tmp_path: Path) -> None:
    source = write_two_nouns(tmp_path / "d", 3)
    (tmp_path / "list.txt").write_text("b.jpg\n", encoding="utf-8")
    nouns = {"apple": "apple", "pear": "pear"}
    [image], counts = read_coco_counts(source, nouns=nouns, files=str(tmp_path / "list.txt"))
    assert image.incomplete == ("apple",) and counts["left_out"] == {"of an unknown image are left out": 1}
