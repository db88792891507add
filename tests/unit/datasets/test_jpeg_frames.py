"""Multi-Picture files: the first picture is extracted without decoding it."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samgap.datasets.jpeg_frames import extract_first_frame
from samgap.datasets.photographs import load_photograph
from samgap.errors import UserError
from samgap.predictions.image_io import open_image
from tests.helpers.cases import find_case
from tests.helpers.coco import HEIGHT, WIDTH, get_full_mask, make_jpeg, make_labels, read_coco, write_folder


def make_frames() -> list[Image.Image]:
    pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    return [Image.fromarray(pixels), Image.new("RGB", (16, 12), "blue")]


def make_mpo(**options: object) -> bytes:
    """Return a Multi-Picture file of a picture of noise and a small blue one."""
    stream = io.BytesIO()
    first, *further = make_frames()
    first.save(stream, "MPO", save_all=True, append_images=further, **options)
    return stream.getvalue()


def decode(encoded_bytes: bytes) -> tuple[str | None, np.ndarray]:
    with Image.open(io.BytesIO(encoded_bytes)) as image:
        return image.format, np.asarray(image)


@pytest.mark.parametrize("progressive", [False, True])
def test_first_picture_is_a_plain_jpeg_with_the_same_pixels(progressive: bool) -> None:
    content = make_mpo(progressive=progressive)
    assert decode(content)[0] == "MPO"
    frame = extract_first_frame(content)
    assert decode(frame)[0] == "JPEG"
    np.testing.assert_array_equal(decode(frame)[1], decode(content)[1])
    # The compressed pixels are copied, and nothing follows them.
    scan = frame[frame.index(b"\xff\xda") :]
    assert scan in content
    assert frame.endswith(b"\xff\xd9")
    assert b"MPF\0" not in frame


def test_restart_markers_and_an_embedded_thumbnail_are_not_the_end_of_the_first_picture() -> None:
    content = make_mpo(restart_marker_rows=1, subsampling=0, exif=b"Exif\0\0" + make_jpeg())
    frame = extract_first_frame(content)
    assert b"\xff\xd2" in frame
    np.testing.assert_array_equal(decode(frame)[1], decode(content)[1])


def test_other_jpeg_files_are_unchanged() -> None:
    for content in (
        make_jpeg(),
        make_jpeg() + b"a video",
        make_jpeg() + b"MPF\0",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe2MPF\0",
    ):
        assert extract_first_frame(content) == content


@pytest.mark.parametrize("orientation", [1, 6])
def test_photograph_of_a_multi_picture_file_can_be_predicted(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = load_photograph(make_mpo(exif=exif), "a.jpg")
    assert (photo.width, photo.height) == ((WIDTH, HEIGHT) if orientation == 1 else (HEIGHT, WIDTH))
    (tmp_path / "a.jpg").write_bytes(photo.encoded_bytes)
    open_image(tmp_path / "a.jpg", {"width": photo.width, "height": photo.height})
    assert decode(photo.encoded_bytes)[0] == "JPEG"


def test_invalid_list_of_pictures_is_removed() -> None:
    content = bytearray(make_mpo())
    position = content.index(b"MPF\0") + 4
    content[position : position + 8] = bytes(8)
    assert decode(load_photograph(bytes(content), "a.jpg").encoded_bytes)[0] == "JPEG"


def test_truncated_multi_picture_file_is_refused() -> None:
    content = make_mpo()
    frame = extract_first_frame(content)
    with pytest.raises(UserError, match=r"a\.jpg: unreadable image"):
        load_photograph(content[: len(frame) - 200], "a.jpg")
    # Without its further pictures, the first one is complete.
    assert load_photograph(content[:-100], "a.jpg").encoded_bytes == frame


def test_multi_picture_files_of_a_coco_file_are_read(tmp_path: Path, logged_warnings) -> None:
    polygon = [[5, 4, 11, 4, 11, 10, 5, 10]]
    labels = make_labels({"bbox": [5, 4, 6, 6], "segmentation": polygon})
    [image] = read_coco(write_folder(tmp_path / "d", labels, **{"a.jpg": make_mpo()}))
    assert (image.file_name, image.width, image.height) == ("a.jpg", WIDTH, HEIGHT)
    assert get_full_mask(image.annotations[0]).sum() == 36
    assert logged_warnings() == []


def test_case_mpo_jpeg() -> None:
    [image] = read_coco(find_case("mpo-jpeg"), annotations=["instances.json"])
    assert decode(image.encoded_bytes)[0] == "JPEG"
    assert decode(image.encoded_bytes)[1].shape == (image.height, image.width, 3)
