"""Photographs and masks of two folders are paired by their names, and only within one part of the data."""

import io
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.mask_pairs import read_pairs, read_pairs_error

SIZE = (12, 8)


def encode(file_format: str, value: int = 1) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((SIZE[1], SIZE[0]), value, np.uint8)).save(stream, file_format)
    return stream.getvalue()


def write_source(path: Path, *names: str, packed: bool = False) -> Path:
    """Write a folder or a zip archive of photographs (JPEG) and masks (PNG, of one instance)."""
    files = {name: encode("PNG" if name.endswith(".png") else "JPEG") for name in names}
    if packed:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_names_in_different_unicode_forms_are_a_pair(tmp_path: Path, packed: bool) -> None:
    composed, decomposed = (unicodedata.normalize(form, "pommier-é") for form in ("NFC", "NFD"))
    source = write_source(tmp_path / "d", f"images/{decomposed}.JPG", f"masks/{composed}.png", packed=packed)
    (tmp_path / "ignore.csv").write_text(f"\ufeffimage,instance_id,ignore\n{composed}.JPG,1,1\n", encoding="utf-8")
    [image] = read_pairs(source, ignore=str(tmp_path / "ignore.csv"))
    assert image.file_name == f"{composed}.JPG"
    assert [annotation.ignore for annotation in image.annotations] == [True]


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_files_of_operating_systems_are_not_images(tmp_path: Path, packed: bool) -> None:
    hidden = "images/@eaDir/images/b.jpg", "images/._a.jpg", ".ipynb_checkpoints/images/c.jpg", "images/.d.jpg"
    source = write_source(tmp_path / "d", "images/a.jpg", "masks/a.png", *hidden, packed=packed)
    assert [image.file_name for image in read_pairs(source)] == ["a.jpg"]


def test_mask_of_another_part_is_not_paired(tmp_path: Path) -> None:
    names = "train/images/a.jpg", "train/masks/b.png", "val/masks/a.png", "val/images/b.jpg"
    message = read_pairs_error(write_source(tmp_path / "d", *names))
    assert "d/train/images/a.jpg and d/val/masks/a.png have the same name but are in different folders" in message
    source = write_source(tmp_path / "e", *names, "train/images/b.jpg")
    assert "b is twice in images, as e/train/images/b.jpg and e/val/images/b.jpg; name one" in read_pairs_error(source)


def test_parts_with_different_names_are_read_together(tmp_path: Path) -> None:
    source = write_source(
        tmp_path / "d", "train/images/a.jpg", "train/masks/a.png", "val/images/b.jpg", "val/masks/b.png"
    )
    assert [image.file_name for image in read_pairs(source)] == ["a.jpg", "b.jpg"]
    assert [image.file_name for image in read_pairs(source, images="val/images", masks="val/masks")] == ["b.jpg"]


def test_folders_in_different_parent_folders_are_paired_if_they_are_unique(tmp_path: Path) -> None:
    assert len(read_pairs(write_source(tmp_path / "d", "photographs/images/a.jpg", "labels/masks/a.png"))) == 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["images/b.tif", "masks/b.png"], "d/images/b.tif is not read; save it as PNG or JPEG, or remove it"),
        (["images/b.tif", "masks/b.tif"], "d/images/b.tif is not read"),
        (["images/b.heic", "images/c.HEIC"], "d/images/b.heic is not read and 1 more"),
        (["images/b.jpg", "masks/b_.png"], "no mask in masks for image b.jpg (did you mean b_.png?)"),
        (["masks/b.png"], "no image in images for mask b.png"),
    ],
)
def test_file_without_its_counterpart_is_refused(tmp_path: Path, names: list[str], message: str) -> None:
    assert message in read_pairs_error(write_source(tmp_path / "d", "images/a.jpg", "masks/a.png", *names))


def test_raw_file_next_to_its_jpeg_is_skipped(tmp_path: Path) -> None:
    source = write_source(tmp_path / "d", "images/a.jpg", "images/a.dng", "images/a.txt", "masks/a.png")
    assert [image.file_name for image in read_pairs(source)] == ["a.jpg"]


def test_option_orientation_of_masks(tmp_path: Path, logged_warnings) -> None:
    source = write_source(tmp_path / "d", "images/a.jpg", "masks/a.png")
    exif = Image.Exif()
    pixels = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    pixels[:, : SIZE[0] // 2] = 250
    for orientation, option, is_bright_left in ((3, None, False), (3, "shown", False), (3, "stored", True)):
        exif[0x0112] = orientation
        Image.fromarray(pixels).save(source / "images/a.jpg", quality=95, exif=exif)
        [image] = read_pairs(source, **({"orientation": option} if option else {}))
        with Image.open(io.BytesIO(image.encoded_bytes)) as photo:
            assert (photo.getpixel((1, 1)) > 125) == is_bright_left
    exif[0x0112] = 6
    Image.fromarray(pixels).save(source / "images/a.jpg", quality=95, exif=exif)
    assert len(read_pairs(source)) == 1
    assert "8x12 px with `orientation: shown`, but its mask has 12x8 px" in read_pairs_error(
        source, orientation="shown"
    )
    exif[0x0112] = 9
    Image.fromarray(pixels).save(source / "images/a.jpg", quality=95, exif=exif)
    read_pairs(source)
    assert "photographs with an invalid EXIF orientation, which is ignored (1): a.jpg" in logged_warnings()[-1]


def test_masks_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    source = write_source(tmp_path / "d", "images/a.jpg", "masks/a.png")
    (source / "masks/a.png").unlink()
    (source / "masks/a.png").symlink_to(source / "nothing.png")
    assert "d/masks/a.png: cannot be read" in read_pairs_error(source)
