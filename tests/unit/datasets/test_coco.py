"""Data sets of kind `coco`: valid annotations are read, images are located, and bad sources are refused."""

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samgap.annotations import ground_truth
from samgap.datasets import coco
from samgap.datasets.write import write_dataset
from tests.helpers.coco import (
    HEIGHT,
    OPTIONS,
    VALID_LABELS,
    WIDTH,
    compress,
    count_runs,
    get_full_mask,
    make_jpeg,
    make_labels,
    read_coco,
    read_coco_error,
    square_mask,
    write_folder,
)


@pytest.mark.parametrize(
    "segmentation",
    [
        [[5, 4, 11, 4, 11, 10, 5, 10]],
        {"size": [HEIGHT, WIDTH], "counts": count_runs(square_mask())},
        compress(square_mask()),
    ],
    ids=["polygon", "uncompressed", "compressed"],
)
def test_every_format_of_a_segmentation_is_read(tmp_path: Path, logged_warnings, segmentation: Any) -> None:
    source = write_folder(tmp_path / "d", make_labels({"bbox": [5, 4, 6, 6], "segmentation": segmentation}))
    [image] = read_coco(source)
    [annotation] = image.annotations
    np.testing.assert_array_equal(get_full_mask(annotation), square_mask().astype(bool))
    assert (annotation.noun, annotation.ignore, image.group) == ("apple", False, "a")
    assert (image.file_name, image.width, image.height) == ("a.jpg", WIDTH, HEIGHT)
    assert image.encoded_bytes == (source / "a.jpg").read_bytes()
    assert logged_warnings() == []


def test_polygons_of_an_annotation_are_one_instance(tmp_path: Path) -> None:
    polygons = [[5, 4, 11, 4, 11, 10, 5, 10], [20, 4, 26, 4, 26, 10, 20, 10]]
    [image] = read_coco(write_folder(tmp_path / "d", make_labels({"bbox": [5, 4, 21, 6], "segmentation": polygons})))
    np.testing.assert_array_equal(
        get_full_mask(image.annotations[0]), (square_mask() | square_mask(left=20)).astype(bool)
    )


def test_annotations_without_segmentation_have_no_mask(tmp_path: Path) -> None:
    rows = {"bbox": [5.5, 4, 6.25, 6]}, {"bbox": [1, 1, 2, 2], "segmentation": []}
    source = write_folder(tmp_path / "d", make_labels(*rows))
    out = tmp_path / "out"
    write_dataset(
        coco.iter_images(OPTIONS, {"data": source}, 0),
        coco.describe_labels(OPTIONS),
        *(out / "images", out / "instances.json", out / "images.parquet"),
        dataset="boxes",
    )
    instances = ground_truth.read_ground_truth(out / "instances.json").instances_of(1)
    assert [(instance.box, instance.rle, instance.area) for instance in instances] == [
        ((5.5, 4, 11.75, 10), None, 37),
        ((1, 1, 3, 3), None, 4),
    ]
    assert all(
        "segmentation" not in row
        for row in json.loads((out / "instances.json").read_text(encoding="utf-8"))["annotations"]
    )


def test_crowd_regions_are_ignored(tmp_path: Path, logged_warnings) -> None:
    crowd = {"iscrowd": 1, "bbox": [5, 4, 6, 6], "segmentation": compress(square_mask())}
    [image] = read_coco(
        write_folder(tmp_path / "d", make_labels(crowd, {"bbox": [1, 1, 2, 2], "ignore": 1}, {"bbox": [1, 1, 3, 2]}))
    )
    assert [annotation.ignore for annotation in image.annotations] == [True, True, False]
    assert logged_warnings() == []


def test_images_without_annotations_are_read(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "d", make_labels({"bbox": [1, 1, 2, 2], "image_id": 2}, images=("a.jpg", "b.jpg")))
    assert [(image.file_name, len(image.annotations)) for image in read_coco(source)] == [("a.jpg", 0), ("b.jpg", 1)]


def test_categories_map_to_nouns_with_attributes(tmp_path: Path, logged_warnings) -> None:
    labels = make_labels({"bbox": [1, 1, 2, 2]}, {"bbox": [1, 1, 3, 3], "category_id": 4}, {"bbox": [9, 9, 3, 3]})
    labels["annotations"][2]["category_id"] = 5
    labels["categories"] += [{"id": 4, "name": "Red_Apple"}, {"id": 5, "name": "leaf"}]
    nouns = {"apple": "apple", "Red_Apple": {"noun": "apple", "attributes": {"colour": "red"}}}
    options = {"nouns": nouns, "attributes": {"ripeness": "ripe"}, "absent": ["pear"]}
    [image] = read_coco(write_folder(tmp_path / "d", labels), **options)
    assert [dict(annotation.attributes) for annotation in image.annotations] == [
        {"ripeness": "ripe"},
        {"ripeness": "ripe", "colour": "red"},
    ]
    assert coco.describe_labels(options) == {
        "nouns": ["apple", "pear"],
        "attributes": {"ripeness": ["ripe"], "colour": ["red"]},
    }
    assert [annotation.unknown_attributes for annotation in image.annotations] == [("colour",), ()]
    [warning] = logged_warnings()
    assert "1 of the category leaf, not in `nouns`, are left out (id 3)" in warning
    assert "1 of a category without a value of colour are read without it (id 1)" in warning


def test_declared_attributes_of_annotations_are_read(tmp_path: Path, logged_warnings) -> None:
    rows = [{"bbox": [n, 1, 2, 2], "attributes": {"hidden": value}} for n, value in enumerate((True, False, "no"))]
    values = {"hidden": ["true", "false"], "ripeness": ["ripe", "unripe"]}
    options = {"attribute-values": values, "attributes": {"ripeness": "ripe"}}
    [image] = read_coco(write_folder(tmp_path / "d", make_labels(*rows, {"bbox": [9, 9, 2, 2]})), **options)
    assert [annotation.attributes.get("hidden") for annotation in image.annotations] == ["true", "false", None, None]
    # Both values of ripeness are declared, so an unripe apple is a true negative.
    assert coco.describe_labels({**OPTIONS, **options})["attributes"] == values
    assert "2 without a declared value of hidden are read without it (id 3, 4)" in logged_warnings()[0]


def test_groups_are_read_from_file_names(tmp_path: Path) -> None:
    source = write_folder(
        tmp_path / "d", make_labels(images=("DSC_1_17kv8_2.jpg", "DSC_1_17kv8_12.jpg", "DSC_2_17kv9_0.jpg"))
    )
    images = read_coco(source, groups=r"^(.+)_\d+\.jpg$")
    assert sorted(image.group for image in images) == ["DSC_1_17kv8", "DSC_1_17kv8", "DSC_2_17kv9"]


def test_only_listed_files_are_read(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "d", make_labels(images=("a.jpg", "b.jpg", "c.jpg")))
    (source / "b.jpg").write_bytes(b"not an image: must not be opened")
    (source / "c.jpg").unlink()
    file_list = tmp_path / "list.txt"
    file_list.write_text("# a comment\na.jpg\n\n", encoding="utf-8")
    assert [image.file_name for image in read_coco(source, files=str(file_list))] == ["a.jpg"]


@pytest.mark.parametrize(
    ("names", "id_texts"),
    [
        (("x/a.json", "y/a.json"), "id d/x/a.json:1, d/y/a.json:1"),
        (("x/a.json", "y/b.json"), "id a:1, b:1"),
        (("x/a.json",), "id 1"),
    ],
)
def test_ids_in_messages_tell_the_files_apart(
    tmp_path: Path, logged_warnings, names: tuple[str, ...], id_texts
) -> None:
    for name in names:
        labels = make_labels({"bbox": [1, 1, 0, 2]}, {"bbox": [1, 1, 2, 2]}, images=(f"{Path(name).stem}.jpg",))
        folder = write_folder(tmp_path / "d" / Path(name).parent, labels)
        (folder / "labels.json").rename(tmp_path / "d" / name)
    read_coco(tmp_path / "d", annotations=["*.json"], **{"max-left-out": 1})
    assert f"({id_texts})" in logged_warnings()[0]


def test_several_coco_files_in_an_archive(tmp_path: Path) -> None:
    """The layout of the published archive of AppleBBCH, with one leading folder."""
    for packing in ("tar", "zip", "folder"):
        members = {
            "top/data/images/a.jpg": make_jpeg(1),
            "top/data/images/b.jpg": make_jpeg(2),
            "top/thumbs/a.jpg": b"small",
        }
        for part, name in (("train", "a.jpg"), ("test", "b.jpg")):
            members[f"top/annotations/x_{part}.json"] = json.dumps(
                make_labels({"bbox": [1, 1, 2, 2]}, images=(name,))
            ).encode()
        members["top/annotations/x_all.json"] = b"not read"
        source = tmp_path / packing
        if packing == "tar":
            with tarfile.open(source, "w:gz") as archive:
                for name, content in members.items():
                    entry = tarfile.TarInfo(name)
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
        elif packing == "zip":
            with zipfile.ZipFile(source, "w") as archive:
                for name, content in members.items():
                    archive.writestr(name, content)
        else:
            for name, content in members.items():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / name).write_bytes(content)
        images = read_coco(source, annotations=["annotations/x_t*.json"], images="data/images")
        assert sorted(image.file_name for image in images) == ["a.jpg", "b.jpg"]
        assert [len(image.annotations) for image in images] == [1, 1]
        message = read_coco_error(source, annotations=["annotations/x_t*.json"])
        assert "may be" in message
        assert "top/thumbs/a.jpg" in message


def test_folders_of_file_names_become_part_of_the_name(tmp_path: Path) -> None:
    names = ("one/a.jpg", "two/a.jpg", "../../a.jpg")
    source = write_folder(tmp_path / "d", make_labels(images=names[:2]))
    assert sorted(image.file_name for image in read_coco(source)) == ["one_a.jpg", "two_a.jpg"]
    source = write_folder(tmp_path / "e", make_labels(images=names[2:]), **{"a.jpg": make_jpeg()})
    assert [image.file_name for image in read_coco(source)] == ["a.jpg"]
    source = write_folder(tmp_path / "f", make_labels(images=("/home/me/set/a.jpg",)), **{"a.jpg": make_jpeg()})
    assert len(read_coco(source)) == 1


def test_missing_or_ambiguous_coco_file_is_refused(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "d", VALID_LABELS)
    message = read_coco_error(source, annotations=["label.json"])
    assert "no file label.json, which `annotations` names; there is d/labels.json" in message
    assert "no such file or folder" in read_coco_error(tmp_path / "nowhere")
    (source / "more").mkdir()
    (source / "more" / "labels.json").write_text("{}", encoding="utf-8")
    assert "matches several files" in read_coco_error(source)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no image b.jpg, which is labelled"),
        (b"not an image", "d/b.jpg: unreadable image"),
        (make_jpeg()[:-300], "d/b.jpg: unreadable image"),
        (make_jpeg(size=(20, 30)), "d/b.jpg: 20x30 px, but its labels are for 40x30 px"),
    ],
    ids=["missing", "unreadable", "cut", "size"],
)
def test_missing_or_damaged_images_are_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    files = {"a.jpg": make_jpeg(), **({} if content is None else {"b.jpg": content})}
    assert message in read_coco_error(write_folder(tmp_path / "d", VALID_LABELS, **files))
