"""Pairs of photographs and instance masks that do not fit, masks of other formats, and rotated photographs."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.archives import ORCHARD_IMAGE_NAMES, make_id_map
from tests.helpers.mask_pairs import read_pairs, read_pairs_error


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("masks/row1_0001.png", None, "no mask in masks for image row1_0001.jpg"),
        ("images/row1_0001.jpg", None, "no image in images for mask row1_0001.png"),
        ("masks/row1_0001.png", make_id_map()[:, :39], "40x30 px, but its labels are for 39x30 px"),
        ("masks/row1_0001.png", np.dstack([make_id_map().astype(np.uint8)] * 3), "the mode of the mask is RGB"),
        ("masks/row1_0001.png", b"not an image", "mask row1_0001.png: unreadable image"),
        ("images/row1_0001.jpg", b"not an image", "row1_0001.jpg: unreadable image"),
        ("images/row1_0001.png", make_id_map().astype(np.uint8), "row1_0001 is twice in images"),
    ],
)
def test_invalid_pair_is_refused(orchard_folder: Path, name: str, content: Any, message: str) -> None:
    if content is None:
        (orchard_folder / name).unlink()
    elif isinstance(content, bytes):
        (orchard_folder / name).write_bytes(content)
    else:
        Image.fromarray(content).save(orchard_folder / name)
    assert message in read_pairs_error(orchard_folder)


def test_jpeg_mask_is_refused(orchard_folder: Path) -> None:
    (orchard_folder / "masks" / "row1_0001.png").unlink()
    Image.fromarray(make_id_map().astype(np.uint8)).save(orchard_folder / "masks" / "row1_0001.jpg")
    assert "the mask is a JPEG, which does not store exact values; use PNG" in read_pairs_error(orchard_folder)


def test_semantic_masks_cause_a_warning(orchard_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    read_pairs(orchard_folder)
    assert not caplog.records
    for file in (orchard_folder / "masks").iterdir():
        Image.fromarray((make_id_map() > 0).astype(np.uint8) * 255).save(file)
    read_pairs(orchard_folder)
    assert "no mask has more than one value other than 0" in caplog.text


def test_photograph_is_rotated_to_the_orientation_of_its_mask(orchard_folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    stream = io.BytesIO()
    Image.new("RGB", (30, 40), "green").save(stream, "JPEG", exif=exif)
    (orchard_folder / "images" / ORCHARD_IMAGE_NAMES[0]).write_bytes(stream.getvalue())
    first = next(image for image in read_pairs(orchard_folder) if image.file_name == ORCHARD_IMAGE_NAMES[0])
    assert (first.width, first.height, len(first.annotations)) == (40, 30, 2)


@pytest.mark.parametrize(("orientation", "size"), [(3, (40, 30)), (6, (30, 40)), (8, (40, 30)), (6, (40, 40))])
def test_photographs_whose_masks_may_be_for_either_image_are_named(
    orchard_folder: Path, logged_warnings, orientation: int, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    name = ORCHARD_IMAGE_NAMES[0]
    Image.new("RGB", size, "green").save(orchard_folder / "images" / name, exif=exif)
    if size[0] == size[1]:
        id_map = np.pad(make_id_map(), ((0, 10), (0, 0)))
        Image.fromarray(id_map).save(orchard_folder / "masks" / Path(name).with_suffix(".png"))
    read_pairs(orchard_folder)
    is_undecided = orientation == 3 or size[0] == size[1]
    expected = "read as viewers show them, with labels that fit the stored image, too (1): row1_0001.jpg; set"
    assert [expected in text for text in logged_warnings()] == [True] * is_undecided
    if is_undecided:
        read_pairs(orchard_folder, orientation="stored")
        assert len(logged_warnings()) == 1


def test_rows_of_ignored_instances_that_name_no_image_are_counted(orchard_folder: Path, logged_warnings) -> None:
    names = ("row1_0001.jpg", "row1-0002.jpg", "row1-0002.jpg", "x.jpg", "y.jpg", "z.jpg")
    rows = "".join(f"{name},1,{int(name != 'x.jpg')}\n" for name in names)
    Path("ignore.csv").write_text(f"image,instance_id,ignore\n{rows}", encoding="utf-8")
    images = read_pairs(orchard_folder, ignore="ignore.csv")
    assert [sum(annotation.ignore for annotation in image.annotations) for image in images] == [1, 0, 0]
    assert logged_warnings() == [
        "warning: ignore.csv: 5 of 6 rows name no image of this part and are not used: row1-0002.jpg, x.jpg, y.jpg and "
        "1 more (did you mean row1_0002.jpg?)"
    ]


def test_rows_of_all_ignored_instances_may_be_of_images_that_are_not_selected(
    orchard_folder: Path, logged_warnings
) -> None:
    Path("files.txt").write_text("row1_0001.jpg\n", encoding="utf-8")
    Path("ignore.csv").write_text("image,instance_id,ignore\nrow2_0001.jpg,1,1\n", encoding="utf-8")
    [image] = read_pairs(orchard_folder, ignore="ignore.csv", files="files.txt")
    assert not any(annotation.ignore for annotation in image.annotations) and logged_warnings() == []
