"""MinneApple's archives: small ones made here, with each thing that can be wrong, and real photographs."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samgap.annotations import ground_truth
from samgap.datasets import AnnotatedImage, minneapple
from samgap.datasets.write import write_dataset
from samgap.errors import UserError
from samgap.tables.images import IMAGES
from tests.helpers.archives import VIDEO_NAMES, find_real_data, pack_minneapple

TRAIN = {"part": "train"}
TEST = {"part": "test"}
SIZE = (40, 60)  # width, height


def png(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def photo(seed: int = 0) -> bytes:
    return png(np.random.default_rng(seed).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8))


def mask() -> np.ndarray:
    """Three apples: 1 a square, 2 in two pieces, 7 one pixel in the last corner."""
    ids = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    ids[2:7, 3:9] = 1
    ids[20:25, 10:12] = 2
    ids[20:25, 14:15] = 2
    ids[-1, -1] = 7
    return ids


def train(**changes: bytes | None) -> dict[str, bytes]:
    """The members of a sound archive of two videos, with `changes` by path."""
    members = {}
    for number, name in enumerate(("a_b_image1.png", "a_b_image2.png", "c_d_image10.png")):
        members[f"detection/train/images/{name}"] = photo(number)
        members[f"detection/train/masks/{name}"] = png(mask())
    members.update(changes)
    return {name: data for name, data in members.items() if data is not None}


def test_part() -> tuple[dict[str, bytes], dict[str, bytes]]:
    names = ("dataset1_back_1.png", "lone.png")
    images = {f"detection/test/images/{name}": photo(number) for number, name in enumerate(names)}
    masks = {f"test_data/test_data/segmentation/masks/{name}": png(mask()) for name in names}
    return images, masks


test_part.__test__ = False


def tarred(path: Path, members: Mapping[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def whole(picture: AnnotatedImage, number: int) -> np.ndarray:
    """A label's mask in the size of its picture."""
    label, found = picture.annotations[number], np.zeros((picture.height, picture.width), bool)
    row, column = label.offset
    found[row : row + label.mask.shape[0], column : column + label.mask.shape[1]] = label.mask
    return found


def read(options: dict, **archives: Path) -> list[AnnotatedImage]:
    return list(minneapple.iter_images(options, archives, seed=0))


def error(options: dict, **archives: Path) -> str:
    with pytest.raises(UserError) as caught:
        read(options, **archives)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("pack", [tarred, zipped])
def test_train_part(tmp_path: Path, pack) -> None:
    members = train(**{"detection/train/masks/._a_b_image1.png": b"packed by macOS"})
    found = read(TRAIN, images=pack(tmp_path / "archive", members))
    assert [picture.file_name for picture in found] == ["a_b_image1.png", "a_b_image2.png", "c_d_image10.png"]
    assert [picture.group for picture in found] == ["a_b", "a_b", "c_d"]
    first = found[0]
    assert first.encoded_bytes == members["detection/train/images/a_b_image1.png"]
    assert (first.width, first.height) == SIZE
    assert [label.mask.sum() for label in first.annotations] == [30, 15, 1]
    assert all(label.noun == "apple" and not label.ignore for label in first.annotations)
    np.testing.assert_array_equal(whole(first, 1), mask() == 2)


def test_masks_may_come_first_and_folders_may_differ(tmp_path: Path) -> None:
    members = dict(sorted(train().items(), key=lambda item: "masks" not in item[0]))
    members = {name.replace("detection/", "./"): data for name, data in members.items()}
    assert len(read(TRAIN, images=tarred(tmp_path / "a", members, "w"))) == 3


def test_test_part_takes_its_truth_from_the_second_archive(tmp_path: Path) -> None:
    images, masks = test_part()
    masks["test_data/test_data/segmentation/images/lone.png"] = b"not read"
    found = read(TEST, images=tarred(tmp_path / "a", images), truth=zipped(tmp_path / "b", masks))
    assert [(picture.file_name, picture.group) for picture in found] == [
        ("dataset1_back_1.png", "dataset1_back"),
        ("lone.png", "lone"),
    ]
    assert [len(picture.annotations) for picture in found] == [3, 3]


def test_videos_choose(tmp_path: Path) -> None:
    archive = tarred(tmp_path / "a", train())
    assert [picture.group for picture in read({**TRAIN, "videos": ["c_d"]}, images=archive)] == ["c_d"]
    assert [picture.group for picture in read({**TRAIN, "without-videos": ["c_d"]}, images=archive)] == ["a_b"] * 2


@pytest.mark.parametrize(
    "options", [{"videos": []}, {"videos": ["a_b"], "without-videos": ["a_b"]}, {"without-videos": ["a_b", "c_d"]}]
)
def test_empty_split_lists_the_videos(tmp_path: Path, options: dict) -> None:
    message = error({**TRAIN, **options}, images=tarred(tmp_path / "a", train()))
    assert "leave no image" in message
    assert "a_b, c_d" in message


@pytest.mark.parametrize("key", ["videos", "without-videos"])
def test_unknown_video_is_named(tmp_path: Path, key: str) -> None:
    message = error({**TRAIN, key: ["a_b", "x_y"]}, images=tarred(tmp_path / "a", train()))
    assert "no video x_y;" in message
    assert "a_b, c_d" in message


def test_info_knows_what_is_absent() -> None:
    assert minneapple.describe_labels({"absent": ["pear"]}) == {"nouns": ["apple", "pear"], "attributes": {}}
    assert minneapple.describe_labels({}) == {"nouns": ["apple"], "attributes": {}}


IMAGE, MASK = "detection/train/images/a_b_image2.png", "detection/train/masks/a_b_image2.png"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({MASK: None}, "no mask in train/masks for image a_b_image2.png"),
        ({IMAGE: None}, "no image in train/images for mask a_b_image2.png"),
        ({MASK: png(mask()[:50])}, "a_b_image2.png: 40x60 px, but its labels are for 40x50 px"),
        ({MASK: photo()}, "mask a_b_image2.png: a mask has one channel of 8 or 16 bits, this one is of mode RGB"),
        ({MASK: b"no picture"}, "mask a_b_image2.png: unreadable image"),
        ({IMAGE: b"no picture"}, "a_b_image2.png: unreadable image"),
        ({IMAGE: photo()[:-2000]}, "a_b_image2.png: unreadable image"),
        ({"copy/train/masks/a_b_image2.png": png(mask())}, "a_b_image2 is twice in train/masks"),
    ],
)
def test_bad_pair(tmp_path: Path, changes: dict, said: str) -> None:
    message = error(TRAIN, images=tarred(tmp_path / "archive", train(**changes)))
    assert said in message
    assert str(tmp_path / "archive") in message


def test_test_part_without_its_truth(tmp_path: Path) -> None:
    images, masks = test_part()
    archive = tarred(tmp_path / "a", images)
    assert "name an archive `truth`" in error(TEST, images=archive)
    lone = masks.pop("test_data/test_data/segmentation/masks/lone.png")
    fewer = zipped(tmp_path / "fewer", masks)
    assert f"{fewer}: no mask in segmentation/masks for image lone.png" in error(TEST, images=archive, truth=fewer)
    more = zipped(tmp_path / "more", {**test_part()[1], "segmentation/masks/more.png": lone})
    assert f"{archive}: no image in test/images for mask more.png" in error(TEST, images=archive, truth=more)


def test_missing_folder_names_what_is_there(tmp_path: Path) -> None:
    archive = tarred(tmp_path / "a", {"counting/train/images/x.png": photo(), "counting/readme/x.txt": b""})
    message = error(TRAIN, images=archive)
    assert "no folder train/masks with images in it" in message
    message = error(TEST, images=archive, truth=archive.with_name("never read"))
    assert "no folder test/images" in message
    assert "counting/readme" in message
    assert "counting/train/images" in message


@pytest.mark.parametrize("pack", [tarred, zipped])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.97])
def test_truncated_archive(tmp_path: Path, pack, kept: float) -> None:
    archive = pack(tmp_path / "archive", train())
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(len(whole) * kept)])
    assert f"{archive}: truncated or damaged archive" in error(TRAIN, images=archive)


def test_no_archive_at_all(tmp_path: Path) -> None:
    page = tmp_path / "archive"
    page.write_text("<html>please log in</html>")
    said = error(TRAIN, images=page)
    assert f"{page}: truncated or damaged archive, or none (ReadError: file could not be opened successfully)" in said
    assert "gzip" not in said


def test_masks_of_16_bits(tmp_path: Path) -> None:
    ids = mask().astype(np.uint16)
    ids[ids == 7] = 40000
    [_, second, _] = read(TRAIN, images=tarred(tmp_path / "a", train(**{MASK: png(ids)})))
    assert [label.mask.sum() for label in second.annotations] == [30, 15, 1]
    np.testing.assert_array_equal(whole(second, 2), ids == 40000)


def test_an_image_without_apples(tmp_path: Path) -> None:
    found = read(TRAIN, images=tarred(tmp_path / "a", train(**{MASK: png(mask() * 0)})))
    assert [len(picture.annotations) for picture in found] == [3, 0, 3]


def test_ignored_instances(tmp_path: Path) -> None:
    archive, table = tarred(tmp_path / "a", train()), tmp_path / "ignore.csv"
    options = {**TRAIN, "ignore": str(table)}
    table.write_text("image,instance_id,ignore\na_b_image1.png,2,1\na_b_image1.png,7,0\nelsewhere.png,1,1\n")
    found = read(options, images=archive)
    assert [label.ignore for label in found[0].annotations] == [False, True, False]
    assert not any(label.ignore for picture in found[1:] for label in picture.annotations)
    for text, said in [
        ("image,instance_id,ignore\na_b_image1.png,3,1\n", "no instance 3"),
        ("image,ignore\na_b_image1.png,1\n", "not a CSV with image, instance_id and ignore"),
        ("image,instance_id,ignore\na_b_image1.png,1,yes\n", "not a CSV with image, instance_id and ignore"),
        ("image,instance_id,ignore\nelsewhere.png,1,1\n", "no row names an image"),
    ]:
        table.write_text(text)
        assert said in error(options, images=archive)
    table.unlink()
    assert "cannot be read" in error(options, images=archive)


def test_real_photographs(tmp_path: Path) -> None:
    """orchard-real, packed in MinneApple's layout: every tile and instance arrives, pixel for pixel."""
    real = find_real_data()
    packed = pack_minneapple(real, tmp_path / "packed")
    options = {**TEST, "absent": ["pear"], "ignore": str(real / "instances.csv")}
    out = tmp_path / "out"
    counts = write_dataset(
        minneapple.iter_images(options, packed, 0),
        minneapple.describe_labels(options),
        *(out / "images", out / "instances.json", out / "images.parquet"),
        dataset="real",
    )
    assert (counts["n_images"], counts["n_instances"], counts["n_ignored"]) == (35, 273, 12)
    found = ground_truth.read_ground_truth(out / "instances.json")
    assert found.nouns == {"apple", "pear"}
    rows = IMAGES.read(out / "images.parquet")
    assert len(rows) == 35
    for row in rows.itertuples():
        assert (out / "images" / row.file).read_bytes() == (real / "images" / row.file).read_bytes()
        ids = np.asarray(Image.open(real / "masks" / row.file))
        rebuilt = np.zeros_like(ids)
        for number, instance in enumerate(found.instances_of(row.image_id), start=1):
            rebuilt[instance.decode_mask()] = number
            assert instance.area == (ids == number).sum()
        np.testing.assert_array_equal(rebuilt, ids)

    for video in VIDEO_NAMES:
        assert len(read({**TRAIN, "videos": [video]}, images=packed["images"])) == 2
