"""COCO files: invalid annotations are left out and counted, inconsistent files are refused."""

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.coco import (
    VALID_LABELS,
    make_jpeg,
    make_labels,
    read_coco,
    read_coco_error,
    write_folder,
)


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
