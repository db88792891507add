"""Warnings of the data stage are logged, and are in the card of the data set without names and remedies."""

from pathlib import Path
from typing import Any

import pytest

from samgap.datasets.groups import warn_of_useless_groups
from samgap.datasets.warning_log import record_warnings, warn
from tests.helpers.coco import HEIGHT, WIDTH, make_jpeg, make_labels, make_rotated_jpeg, read_coco, write_folder

PACKAGE = Path(__file__).parents[3] / "src/samgap/datasets"


def read_warnings(source: Path, **options: Any) -> list[str]:
    with record_warnings() as log:
        read_coco(source, **options)
    return log.to_card()


def test_a_warning_is_logged_whole_and_kept_short(logged_warnings) -> None:
    with record_warnings() as log:
        warn("/data/d: a/labels.json", "2 boxes (id 1, 2); correct them", ["2 boxes"])
        warn("/data/d", "no image")
        warn("/data/d", "no image")
        warn(None, "stated in the card already", [])
    assert log.to_card() == ["a/labels.json: 2 boxes", "no image (2 times)"]
    assert logged_warnings() == [
        "warning: /data/d: a/labels.json: 2 boxes (id 1, 2); correct them",
        *["warning: /data/d: no image"] * 2,
        "warning: stated in the card already",
    ]


def test_warnings_are_kept_inside_the_block_alone(logged_warnings) -> None:
    with pytest.raises(ValueError, match="stop"), record_warnings() as log:
        raise ValueError("stop")
    warn("/data/d", "no image")
    assert log.to_card() == [] and logged_warnings() == ["warning: /data/d: no image"]


def test_every_module_of_the_package_warns_in_this_way() -> None:
    files = {file.name for file in PACKAGE.rglob("*.py") if "logger.warning(" in file.read_text(encoding="utf-8")}
    assert files == {"warning_log.py"}


def test_photographs_of_unknown_orientation_are_kept(tmp_path: Path) -> None:
    labels = make_labels({"bbox": [2, 2, 10, 16]})
    source = write_folder(tmp_path / "d", labels, **{"a.jpg": make_rotated_jpeg(6, (WIDTH, HEIGHT))})
    assert read_warnings(source) == [
        "photographs that EXIF rotates, labelled with the size as stored, and read as stored (1)"
    ]


def test_crowds_deviating_names_and_changes_are_kept(tmp_path: Path) -> None:
    box = {"bbox": [1, 1, 2, 2]}
    labels = make_labels({**box, "iscrowd": 1}, {"bbox": [5, 4, 6, 6], "image_id": "1"}, images=("photos/a.jpg",))
    source = write_folder(tmp_path / "d", labels, **{"a.jpg": make_jpeg()})
    assert read_warnings(source) == [
        "d/labels.json: 1 of 2 annotations of apple are crowds (`iscrowd`) and are ignored in the evaluation",
        "images found without some folders of their names (1)",
        "of 2 annotations, 1 with image_id as text are joined",
    ]


def test_groups_and_numbered_names_are_kept() -> None:
    with record_warnings() as log:
        warn_of_useless_groups("mine", {"groups": "(.*)"}, 3, 3)
        warn_of_useless_groups("mine", {"groups": "()"}, 1, 3)
    assert log.to_card() == [
        "`groups` gives each of the 3 images its own group",
        "`groups` puts all 3 images into one group",
    ]
