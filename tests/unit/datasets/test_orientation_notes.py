"""Photographs that EXIF rotates, with labels of the stored size: warnings, and the option `orientation`."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from samgap.datasets import AnnotatedImage
from samgap.datasets.orientation_notes import LabelGeometry, read_geometry
from tests.helpers.cases import find_case
from tests.helpers.coco import (
    HEIGHT,
    WIDTH,
    compress,
    make_labels,
    make_rotated_jpeg,
    read_coco,
    read_coco_error,
    square_mask,
    write_folder,
)


def write_rotated(
    folder: Path, *annotations: dict[str, Any], orientation: Any = 6, size: Any = (WIDTH, HEIGHT)
) -> Path:
    """Write a photograph with a bright left half, stored as WIDTH x HEIGHT, with labels of a size."""
    labels = make_labels(*annotations)
    labels["images"][0].update(width=size[0], height=size[1])
    return write_folder(folder, labels, **{"a.jpg": make_rotated_jpeg(orientation)})


def measure_brightness(image: AnnotatedImage) -> float:
    """Return the mean brightness of the pixels of the first label, 0 to 255."""
    [annotation, *_] = image.annotations
    with Image.open(io.BytesIO(image.encoded_bytes)) as photo:
        assert photo.size == (image.width, image.height)
        pixels = np.asarray(photo.convert("L"))
    top, left = annotation.offset
    height, width = annotation.mask.shape
    return pixels[top : top + height, left : left + width][annotation.mask].mean()


# Upright, the bright half is at the top: of 30 x 40 px, the first 20 rows.
BRIGHT_BOX = {"bbox": [2, 2, 10, 16], "segmentation": [[2, 2, 12, 2, 12, 18, 2, 18]]}
DARK_BOX_BELOW = {"bbox": [2, 32, 10, 6], "segmentation": [[2, 32, 12, 32, 12, 38, 2, 38]]}
UNDECIDED_SHOWN = (
    "photographs that EXIF rotates or mirrors, read as viewers show them, with labels that fit the stored image, too "
    "(1): a.jpg; set `orientation: stored` if they were labelled as stored, or `orientation: shown` if not"
)
FITS_STORED = (
    "photographs that EXIF rotates, read as viewers show them, but with labels that fit only the stored image (1): "
    "a.jpg; set `orientation: stored`"
)


def test_undecided_photographs_are_named(tmp_path: Path, logged_warnings) -> None:
    [image] = read_coco(write_rotated(tmp_path / "d", BRIGHT_BOX))
    assert (image.width, image.height) == (WIDTH, HEIGHT)
    [warning] = logged_warnings()
    assert "photographs that EXIF rotates, labelled with the size as stored" in warning
    assert "read as stored (1): a.jpg; set `orientation: shown`" in warning


def test_corner_that_fits_only_the_upright_image_is_named(tmp_path: Path, logged_warnings) -> None:
    expected = "with labels that fit only the upright image (1): a.jpg; set `orientation: shown`"
    source = write_rotated(tmp_path / "d", BRIGHT_BOX, DARK_BOX_BELOW)
    read_coco(source, **{"max-left-out": 1})
    assert any(expected in warning for warning in logged_warnings())


def test_corner_that_fits_only_the_upright_image_is_named_if_the_run_stops(tmp_path: Path, logged_warnings) -> None:
    error = read_coco_error(write_rotated(tmp_path / "d", BRIGHT_BOX, DARK_BOX_BELOW))
    assert "1 of 2 annotations cannot be used" in error
    assert "with labels that fit only the upright image (1): a.jpg" in logged_warnings()[-1]


def test_labels_that_fit_only_the_stored_image_cause_no_warning(tmp_path: Path, logged_warnings) -> None:
    box = {"bbox": [32, 2, 6, 10]}
    read_coco(write_rotated(tmp_path / "d", box))
    mask = {"bbox": [5, 4, 6, 6], "segmentation": compress(square_mask())}
    read_coco(write_rotated(tmp_path / "e", mask))
    assert logged_warnings() == []


def test_option_shown_rotates_photographs_with_labels_of_the_stored_size(tmp_path: Path, logged_warnings) -> None:
    [image] = read_coco(write_rotated(tmp_path / "d", BRIGHT_BOX, DARK_BOX_BELOW), orientation="shown")
    assert (image.width, image.height) == (HEIGHT, WIDTH)
    assert measure_brightness(image) > 240
    assert image.annotations[1].mask.sum() == 60
    [image] = read_coco(write_rotated(tmp_path / "e", BRIGHT_BOX, size=(HEIGHT, WIDTH)), orientation="shown")
    assert measure_brightness(image) > 240
    assert logged_warnings() == []


def test_option_stored_does_not_rotate(tmp_path: Path, logged_warnings) -> None:
    box = {"bbox": [2, 2, 10, 16], "segmentation": [[2, 2, 12, 2, 12, 18, 2, 18]]}
    for orientation in (3, 6):
        [image] = read_coco(
            write_rotated(tmp_path / str(orientation), box, orientation=orientation), orientation="stored"
        )
        assert image.encoded_bytes == make_rotated_jpeg(orientation)
        assert measure_brightness(image) > 240
    assert logged_warnings() == []
    source = write_rotated(tmp_path / "d", box, size=(HEIGHT, WIDTH))
    assert "40x30 px, but its labels are for 30x40 px" in read_coco_error(source, orientation="stored")


@pytest.mark.parametrize(("orientation", "bright_left"), [(2, 22), (3, 22), (4, 2)])
def test_photographs_without_a_change_of_size_are_named(
    tmp_path: Path, logged_warnings, orientation: int, bright_left: int
) -> None:
    # Mirrored or upside down: labels fit both images, so that nothing shows what they are for.
    corners = [bright_left, 2, bright_left + 10, 2, bright_left + 10, 18, bright_left, 18]
    box = {"bbox": [bright_left, 2, 10, 16], "segmentation": [corners]}
    source = write_rotated(tmp_path / "d", box, orientation=orientation)
    [image] = read_coco(source)
    assert measure_brightness(image) > 240
    assert [text.split(": ", 2)[2] for text in logged_warnings()] == [UNDECIDED_SHOWN]
    for option in ("shown", "stored"):
        read_coco(source, orientation=option)
    assert len(logged_warnings()) == 1


def test_square_photographs_are_named(tmp_path: Path, logged_warnings) -> None:
    labels = make_labels({"bbox": [2, 2, 10, 16]})
    labels["images"][0].update(width=40, height=40)
    read_coco(write_folder(tmp_path / "d", labels, **{"a.jpg": make_rotated_jpeg(6, (40, 40))}))
    assert [text.split(": ", 2)[2] for text in logged_warnings()] == [UNDECIDED_SHOWN]


@pytest.mark.parametrize("orientation", [3, 6])
def test_photographs_without_labels_are_not_named(tmp_path: Path, logged_warnings, orientation: int) -> None:
    labels = make_labels()
    del labels["images"][0]["width"]
    read_coco(write_folder(tmp_path / "d", labels, **{"a.jpg": make_rotated_jpeg(orientation)}))
    assert not any("EXIF" in text for text in logged_warnings())


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ({"bbox": [2, 2, 10, 16]}, UNDECIDED_SHOWN),
        ({"bbox": [2, 32, 10, 6]}, ""),
        ({"segmentation": [2, 32, 12, 32, 12, 38, 2, 38]}, ""),
        ({"bbox": [28, 2, 10, 6]}, FITS_STORED),
        ({"bbox": ["28", "2", "10", "6"]}, FITS_STORED),
        ({"segmentation": [28, 2, 38, 2, 38, 8, 28, 8]}, FITS_STORED),
        ({"segmentation": [[[28, 2], [38, 2], [38, 8]]]}, FITS_STORED),
        ({"segmentation": compress(square_mask())}, FITS_STORED),
    ],
)
def test_photographs_without_a_stated_size_are_named_unless_labels_decide(
    tmp_path: Path, logged_warnings, annotation: dict[str, Any], expected: str
) -> None:
    source = write_rotated(tmp_path / "d", annotation, size=(None, None))
    if "size" in annotation.get("segmentation", ()):
        assert "all 1 annotations" in read_coco_error(source, **{"max-left-out": 1})
    else:
        [image] = read_coco(source, **{"max-left-out": 1})
        assert (image.width, image.height) == (HEIGHT, WIDTH)
    texts = [text.split(": ", 2)[2] for text in logged_warnings() if "EXIF" in text]
    assert texts == [expected] * bool(expected)


def test_labels_that_contradict_the_stated_size_or_the_option_are_named(tmp_path: Path, logged_warnings) -> None:
    boxes = BRIGHT_BOX, {"bbox": [28, 2, 10, 6]}
    read_coco(write_rotated(tmp_path / "d", *boxes, size=(HEIGHT, WIDTH)), **{"max-left-out": 1})
    assert any("fit only the stored image (1): a.jpg; their width and height are" in text for text in logged_warnings())
    read_coco(write_rotated(tmp_path / "d", *boxes), orientation="shown", **{"max-left-out": 1})
    assert any("(1): a.jpg; `orientation: shown` is set: correct these" in text for text in logged_warnings())


def test_several_photographs_are_counted_in_one_warning(tmp_path: Path, logged_warnings) -> None:
    names = ("a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg")
    labels = make_labels(*({"bbox": [2, 2, 9, 9], "image_id": number} for number in range(1, 6)), images=names)
    read_coco(write_folder(tmp_path / "d", labels, **dict.fromkeys(names, make_rotated_jpeg(3))))
    [warning] = logged_warnings()
    assert "(5): a.jpg, b.jpg, c.jpg and 2 more; set `orientation: stored`" in warning


def test_invalid_orientations_are_counted_in_one_warning(tmp_path: Path, logged_warnings) -> None:
    names = ("a.jpg", "b.jpg")
    source = write_folder(tmp_path / "d", make_labels(images=names), **dict.fromkeys(names, make_rotated_jpeg(9)))
    assert [(image.width, image.height) for image in read_coco(source)] == [(WIDTH, HEIGHT)] * 2
    [warning] = [text for text in logged_warnings() if "EXIF" in text]
    assert "photographs with an invalid EXIF orientation, which is ignored (2): a.jpg, b.jpg" in warning


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        ([(10, 10)], ""),
        ([(10, 35)], "shown"),
        ([(35, 10)], "stored"),
        ([(35, 10), (10, 35)], ""),
        ([(50, 50)], ""),
        ([(10, 30.5)], ""),
        ([], ""),
    ],
)
def test_labelled_orientation_from_corners(corners: list[tuple[float, float]], expected: str) -> None:
    assert LabelGeometry(corners).find_orientation((40, 30), (30, 40)) == expected


def test_labelled_orientation_from_the_size_of_masks() -> None:
    # A size is exact, unlike a corner, which may be one px outside.
    assert LabelGeometry(mask_sizes={(40, 41)}).find_orientation((40, 41), (41, 40)) == "stored"
    assert LabelGeometry(mask_sizes={(41, 40)}).find_orientation((40, 41), (41, 40)) == "shown"
    assert LabelGeometry(mask_sizes={(40, 40)}).find_orientation((40, 40), (40, 40)) == ""


def test_geometry_of_valid_and_invalid_annotations() -> None:
    geometry = read_geometry(
        [
            {"bbox": [1, 2, 3, 4], "segmentation": [[5, 6, 7, 8, 9, 10], [1, 2]]},
            {"bbox": [1, 2, 3], "segmentation": {"size": [30, 40], "counts": "x"}},
            {"bbox": None, "segmentation": "x"},
        ]
    )
    assert sorted(geometry.corners) == [(1, 2), (4, 6), (5, 6), (7, 8), (9, 10)]
    assert (geometry.mask_sizes, geometry.n_labels) == ({(40, 30)}, 3)


def test_case_exif_size_as_stored(logged_warnings) -> None:
    options = {"annotations": ["instances.json"]}
    read_coco(find_case("exif-size-as-stored"), **options)
    [warning] = logged_warnings()
    assert "a.jpg; set `orientation: shown`" in warning
    [image] = read_coco(find_case("exif-size-as-stored"), **options, orientation="shown")
    assert (image.width, image.height) == (48, 64)
    [annotation] = image.annotations
    assert (annotation.offset, annotation.mask.shape) == ((30, 8), (12, 12))
    with Image.open(io.BytesIO(image.encoded_bytes)) as photo:
        square = np.asarray(photo)[31:41, 9:19].reshape(-1, 3).mean(axis=0)
    assert square[0] > 150 and square[1] < 100 and square[2] < 100
