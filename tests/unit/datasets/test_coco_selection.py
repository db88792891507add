"""The option `files` of COCO data: images of equal names are told apart by their folders."""

import json
from pathlib import Path

import pytest

from tests.helpers.coco import make_jpeg, make_labels, read_coco, read_coco_error

OPTIONS = {"annotations": ["instances_*.json"]}


def write_splits(folder: Path, text: str) -> Path:
    """Write two splits that both have 0001.jpg, and val/0002.jpg, and a list of files; return the source."""
    source = folder / "orchard"
    for width, (split, names) in enumerate({"train": ("0001.jpg",), "val": ("0001.jpg", "0002.jpg")}.items(), start=5):
        (source / "images" / split).mkdir(parents=True)
        labels = make_labels({"bbox": [1, 1, width, 2]}, images=names)
        (source / f"instances_{split}.json").write_text(json.dumps(labels), encoding="utf-8")
        for name in names:
            (source / "images" / split / name).write_bytes(make_jpeg(width))
    (folder / "list.txt").write_text(text, encoding="utf-8")
    return source


@pytest.mark.parametrize(
    ("text", "widths"),
    [
        ("train/0001.jpg\n", {"train_0001.jpg": 5}),
        ("images/val/0001.jpg\n0002.jpg\n", {"val_0001.jpg": 6, "val_0002.jpg": None}),
        ("orchard/images/train/0001.jpg\nval/0001.jpg\n", {"train_0001.jpg": 5, "val_0001.jpg": 6}),
    ],
)
def test_equal_names_are_selected_by_their_folders(tmp_path: Path, text: str, widths: dict[str, int | None]) -> None:
    images = read_coco(write_splits(tmp_path, text), **OPTIONS, files=str(tmp_path / "list.txt"))
    read = {image.file_name: [annotation.box[2] - 1 for annotation in image.annotations] for image in images}
    expected = {name.removeprefix("images_"): [] if width is None else [width] for name, width in widths.items()}
    assert [widths for _, widths in sorted(read.items())] == [widths for _, widths in sorted(expected.items())]


def test_an_equal_name_without_its_folder_is_refused(tmp_path: Path) -> None:
    source = write_splits(tmp_path, "0001.jpg\n")
    message = read_coco_error(source, **OPTIONS, files=str(tmp_path / "list.txt"))
    assert "0001.jpg may be orchard/images/train/0001.jpg or orchard/images/val/0001.jpg; write it with its" in message


def test_an_image_of_equal_name_that_is_not_listed_may_be_missing(tmp_path: Path) -> None:
    source = write_splits(tmp_path, "val/0001.jpg\n")
    (source / "images/train/0001.jpg").unlink()
    images = read_coco(source, **OPTIONS, files=str(tmp_path / "list.txt"))
    assert [image.annotations[0].box[2] - 1 for image in images] == [6]
