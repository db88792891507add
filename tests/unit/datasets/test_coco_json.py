"""The JSON text of COCO files: its encodings, damaged text, and files of other formats."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.coco import VALID_LABELS, make_jpeg, read_coco, read_coco_error, write_folder

IMAGES, CATEGORIES, ANNOTATIONS = (VALID_LABELS[key] for key in ("images", "categories", "annotations"))
TEXT = json.dumps(VALID_LABELS)


def write_bytes(folder: Path, content: bytes) -> Path:
    source = write_folder(folder, VALID_LABELS)
    (source / "labels.json").write_bytes(content)
    return source


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_every_unicode_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    labels = {**VALID_LABELS, "categories": [{"id": 3, "name": "Äpfel"}]}
    source = write_bytes(tmp_path / "d", json.dumps(labels, ensure_ascii=False).encode(encoding))
    assert [len(image.annotations) for image in read_coco(source, nouns={"Äpfel": "apple"})] == [1, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a COCO file: it is empty"),
        (b"<html>", "not a COCO file: not JSON (Expecting value, line 1, column 1)"),
        (TEXT[:-1].encode(), "not a COCO file: the JSON text ends too early"),
        (TEXT[:80].encode(), "not a COCO file: the JSON text ends too early"),
        (b'{"images": "abc', "not a COCO file: the JSON text ends too early (Unterminated string"),
        (b'{"id": 1}\n{"id": 2}\n', "not a COCO file: JSON Lines, one value a line"),
        ('{"name": "Äpfel"}'.encode("latin-1"), "not a COCO file: its text is not UTF-8"),
        (b"[" * 100_000, "not a COCO file (RecursionError"),
        (b"1" * 5000, "not a COCO file (ValueError"),
        (b'{"images": [], "images": []}', "an object has the key 'images' twice, so one value is lost"),
        (b'{"annotations": [{"id": 1, "bbox": [], "bbox": []}]}', "an object has the key 'bbox' twice"),
    ],
)
def test_damaged_text_is_one_line_with_the_cause(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in read_coco_error(write_bytes(tmp_path / "d", content))


def drop_key(key: str) -> dict[str, Any]:
    return {name: rows for name, rows in VALID_LABELS.items() if name != key}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            [{"image_id": 1, "category_id": 3, "bbox": [1, 1, 2, 2], "score": 0.9}],
            "a results file, a list of predictions",
        ),
        ([{"image": "a.jpg", "annotations": []}], "a list of tasks or images, as of Label Studio or CreateML"),
        ([1, 2], "a list; a COCO file is an object with images, categories and annotations"),
        ("text", "str instead of an object"),
        (drop_key("annotations"), "it has images and no `annotations`, as the files of test sets without labels"),
        (drop_key("categories"), "no `categories` (its keys are 'images', 'annotations'); export it as COCO"),
        ({}, "no `images` (its keys are no key); export it as COCO"),
        ({"_via_img_metadata": {}}, "a project of the VGG Image Annotator; export it as COCO"),
        ({"shapes": [], "imagePath": "a.jpg"}, "a LabelMe file; export it as COCO"),
        ({"videos": [], "categories": [], "annotations": []}, "a file of video instances; export it as COCO"),
        ({**VALID_LABELS, "annotations": {}}, "`annotations` is not a list of objects"),
        ({**VALID_LABELS, "annotations": [None]}, "`annotations` is not a list of objects"),
        ({**VALID_LABELS, "images": [7]}, "`images` is not a list of objects"),
        (
            {**VALID_LABELS, "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": []}]},
            "a panoptic file, whose masks are in PNG files; convert it to instances",
        ),
        (
            {**VALID_LABELS, "annotations": [{"id": 1, "image_id": 1, "caption": "Two apples."}]},
            "a file of captions; name the file of the instances",
        ),
    ],
)
def test_other_formats_are_named(tmp_path: Path, data: Any, message: str) -> None:
    source = write_bytes(tmp_path / "d", json.dumps(data).encode())
    assert f"{source}: d/labels.json: not a COCO file of instances: {message}" in read_coco_error(source)


def test_a_file_without_annotations_has_images_without_objects(tmp_path: Path, logged_warnings) -> None:
    source = write_folder(
        tmp_path / "d", {**VALID_LABELS, "annotations": []}, **{"a.jpg": make_jpeg(), "b.jpg": make_jpeg()}
    )
    assert [image.annotations for image in read_coco(source)] == [[], []]
    assert logged_warnings() == [f"warning: {source}: no image has an annotation that counts in the evaluation"]
