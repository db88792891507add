"""COCO files: invalid annotations are left out and counted, inconsistent files are refused."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.coco import (
    HEIGHT,
    VALID_LABELS,
    WIDTH,
    compress,
    get_full_mask,
    make_jpeg,
    make_labels,
    read_coco,
    read_coco_error,
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


def test_warning_is_one_line_with_counts_and_first_ids(tmp_path: Path, logged_warnings) -> None:
    rows = [{"bbox": [0, 0, -1, n]} for n in range(1, 6)] + [{"bbox": [1, 1, 2, 2]}]
    read_coco(write_folder(tmp_path / "d", make_labels(*rows)), **{"max-left-out": 0.9})
    [warning] = logged_warnings()
    reason = "with an invalid box (width or height not above 0) are left out"
    assert f"of 6 annotations, 5 {reason} (id 1, 2, 3 and 2 more)" in warning
    assert "\n" not in warning


def append_row(labels: dict[str, Any], section: str, **values: Any) -> dict[str, Any]:
    """Return the labels with a copy of the first row of `section` appended, changed by `values`."""
    changed = copy.deepcopy(labels)
    changed[section].append({**changed[section][0], **values})
    return changed


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (append_row(VALID_LABELS, "annotations", bbox=[3, 3, 4, 4]), "the annotation id 1 is not unique"),
        (append_row(VALID_LABELS, "images", file_name="c.jpg"), "the image id 1 is not unique"),
        (append_row(VALID_LABELS, "categories", name="pear"), "the category id 3 is not unique"),
        (append_row(VALID_LABELS, "images", id=9), "a.jpg is twice in"),
        (
            {**VALID_LABELS, "categories": [{"id": 3, "name": "Apfel"}]},
            "its categories are Apfel; map each of them to a noun in `nouns`",
        ),
        ({**VALID_LABELS, "images": [{"id": 1}]}, "an image without a file name (image id 1)"),
        ({**VALID_LABELS, "images": [{"id": 1, "file_name": 7}]}, "an image without a file name"),
    ],
)
def test_inconsistent_coco_files_are_refused(tmp_path: Path, labels: dict, message: str) -> None:
    source = write_folder(tmp_path / "d", labels, **{"a.jpg": make_jpeg(), "b.jpg": make_jpeg(), "c.jpg": make_jpeg()})
    assert message in read_coco_error(source)


@pytest.mark.parametrize("text", ["", "<html>", "[1, 2]", "[" * 100000])
def test_files_other_than_coco_are_refused(tmp_path: Path, text: str) -> None:
    source = write_folder(tmp_path / "d", VALID_LABELS)
    (source / "labels.json").write_text(text, encoding="utf-8")
    assert f"{source}: d/labels.json: not a COCO file" in read_coco_error(source)
