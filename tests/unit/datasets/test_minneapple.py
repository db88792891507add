"""Archives in the layout of MinneApple: small ones with every kind of error, and real photographs."""

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


def encode_png(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def random_photo(seed: int = 0) -> bytes:
    return encode_png(np.random.default_rng(seed).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8))


def make_id_map() -> np.ndarray:
    """Return the mask of three apples: 1 a square, 2 in two pieces, 7 one pixel in the last corner."""
    ids = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    ids[2:7, 3:9] = 1
    ids[20:25, 10:12] = 2
    ids[20:25, 14:15] = 2
    ids[-1, -1] = 7
    return ids


def make_train_part(**changes: bytes | None) -> dict[str, bytes]:
    """Return the members of a valid archive of two videos, with `changes` by path; None removes a member."""
    members = {}
    for number, name in enumerate(("a_b_image1.png", "a_b_image2.png", "c_d_image10.png")):
        members[f"detection/train/images/{name}"] = random_photo(number)
        members[f"detection/train/masks/{name}"] = encode_png(make_id_map())
    members.update(changes)
    return {name: data for name, data in members.items() if data is not None}


def make_test_part() -> tuple[dict[str, bytes], dict[str, bytes]]:
    names = ("dataset1_back_1.png", "lone.png")
    images = {f"detection/test/images/{name}": random_photo(number) for number, name in enumerate(names)}
    masks = {f"test_data/test_data/segmentation/masks/{name}": encode_png(make_id_map()) for name in names}
    return images, masks


def write_tar(path: Path, members: Mapping[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def write_zip(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def get_full_mask(image: AnnotatedImage, number: int) -> np.ndarray:
    """Return the mask of an annotation in the size of its image."""
    annotation, mask = image.annotations[number], np.zeros((image.height, image.width), bool)
    row, column = annotation.offset
    mask[row : row + annotation.mask.shape[0], column : column + annotation.mask.shape[1]] = annotation.mask
    return mask


def read(options: dict, **archives: Path) -> list[AnnotatedImage]:
    return list(minneapple.iter_images(options, archives, seed=0))


def read_error(options: dict, **archives: Path) -> str:
    with pytest.raises(UserError) as caught:
        read(options, **archives)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("pack", [write_tar, write_zip])
def test_train_part_is_read(tmp_path: Path, pack) -> None:
    members = make_train_part(**{"detection/train/masks/._a_b_image1.png": b"packed by macOS"})
    images = read(TRAIN, images=pack(tmp_path / "archive", members))
    assert [image.file_name for image in images] == ["a_b_image1.png", "a_b_image2.png", "c_d_image10.png"]
    assert [image.group for image in images] == ["a_b", "a_b", "c_d"]
    first = images[0]
    assert first.encoded_bytes == members["detection/train/images/a_b_image1.png"]
    assert (first.width, first.height) == SIZE
    assert [annotation.mask.sum() for annotation in first.annotations] == [30, 15, 1]
    assert all(annotation.noun == "apple" and not annotation.ignore for annotation in first.annotations)
    np.testing.assert_array_equal(get_full_mask(first, 1), make_id_map() == 2)


def test_order_of_members_and_leading_folders_do_not_matter(tmp_path: Path) -> None:
    members = dict(sorted(make_train_part().items(), key=lambda item: "masks" not in item[0]))
    members = {name.replace("detection/", "./"): data for name, data in members.items()}
    assert len(read(TRAIN, images=write_tar(tmp_path / "a", members, "w"))) == 3


def test_masks_of_the_test_part_are_in_the_second_archive(tmp_path: Path) -> None:
    image_members, mask_members = make_test_part()
    mask_members["test_data/test_data/segmentation/images/lone.png"] = b"not read"
    images = read(TEST, images=write_tar(tmp_path / "a", image_members), truth=write_zip(tmp_path / "b", mask_members))
    assert [(image.file_name, image.group) for image in images] == [
        ("dataset1_back_1.png", "dataset1_back"),
        ("lone.png", "lone"),
    ]
    assert [len(image.annotations) for image in images] == [3, 3]


def test_videos_select_the_images(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a", make_train_part())
    assert [image.group for image in read({**TRAIN, "videos": ["c_d"]}, images=archive)] == ["c_d"]
    assert [image.group for image in read({**TRAIN, "without-videos": ["c_d"]}, images=archive)] == ["a_b"] * 2


@pytest.mark.parametrize(
    "options", [{"videos": []}, {"videos": ["a_b"], "without-videos": ["a_b"]}, {"without-videos": ["a_b", "c_d"]}]
)
def test_empty_split_is_refused_with_the_names_of_the_videos(tmp_path: Path, options: dict) -> None:
    message = read_error({**TRAIN, **options}, images=write_tar(tmp_path / "a", make_train_part()))
    assert "leave no image" in message
    assert "a_b, c_d" in message


@pytest.mark.parametrize("key", ["videos", "without-videos"])
def test_unknown_video_is_refused(tmp_path: Path, key: str) -> None:
    message = read_error({**TRAIN, key: ["a_b", "x_y"]}, images=write_tar(tmp_path / "a", make_train_part()))
    assert "no video x_y;" in message
    assert "a_b, c_d" in message


def test_absent_nouns_are_part_of_the_labels() -> None:
    assert minneapple.describe_labels({"absent": ["pear"]}) == {"nouns": ["apple", "pear"], "attributes": {}}
    assert minneapple.describe_labels({}) == {"nouns": ["apple"], "attributes": {}}


IMAGE, MASK = "detection/train/images/a_b_image2.png", "detection/train/masks/a_b_image2.png"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({MASK: None}, "no mask in train/masks for image a_b_image2.png"),
        ({IMAGE: None}, "no image in train/images for mask a_b_image2.png"),
        ({MASK: encode_png(make_id_map()[:50])}, "a_b_image2.png: 40x60 px, but its labels are for 40x50 px"),
        ({MASK: random_photo()}, "mask a_b_image2.png: the mode of the mask is RGB; use one channel of 8 or 16 bits"),
        ({MASK: b"not an image"}, "mask a_b_image2.png: unreadable image"),
        ({IMAGE: b"not an image"}, "a_b_image2.png: unreadable image"),
        ({IMAGE: random_photo()[:-2000]}, "a_b_image2.png: unreadable image"),
        ({"copy/train/masks/a_b_image2.png": encode_png(make_id_map())}, "a_b_image2 is twice in train/masks"),
    ],
)
def test_invalid_pair_is_refused(tmp_path: Path, changes: dict, message: str) -> None:
    error = read_error(TRAIN, images=write_tar(tmp_path / "archive", make_train_part(**changes)))
    assert message in error
    assert str(tmp_path / "archive") in error


def test_test_part_without_masks_is_refused(tmp_path: Path) -> None:
    images, masks = make_test_part()
    archive = write_tar(tmp_path / "a", images)
    assert "name an archive `truth`" in read_error(TEST, images=archive)
    mask_png = masks.pop("test_data/test_data/segmentation/masks/lone.png")
    fewer_masks = write_zip(tmp_path / "fewer", masks)
    assert f"{fewer_masks}: no mask in segmentation/masks for image lone.png" in read_error(
        TEST, images=archive, truth=fewer_masks
    )
    more_masks = write_zip(tmp_path / "more", {**make_test_part()[1], "segmentation/masks/more.png": mask_png})
    assert f"{archive}: no image in test/images for mask more.png" in read_error(TEST, images=archive, truth=more_masks)


def test_missing_folder_is_refused_with_the_names_of_the_others(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a", {"counting/train/images/x.png": random_photo(), "counting/readme/x.txt": b""})
    message = read_error(TRAIN, images=archive)
    assert "no folder train/masks with images" in message
    message = read_error(TEST, images=archive, truth=archive.with_name("never read"))
    assert "no folder test/images" in message
    assert "counting/readme" in message
    assert "counting/train/images" in message


@pytest.mark.parametrize("pack", [write_tar, write_zip])
@pytest.mark.parametrize("fraction", [0.02, 0.5, 0.97])
def test_truncated_archive_is_refused(tmp_path: Path, pack, fraction: float) -> None:
    archive = pack(tmp_path / "archive", make_train_part())
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * fraction)])
    assert f"{archive}: truncated or damaged archive" in read_error(TRAIN, images=archive)


def test_file_that_is_not_an_archive_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "archive"
    page.write_text("<html>please log in</html>", encoding="utf-8")
    message = read_error(TRAIN, images=page)
    assert f"{page}: truncated or damaged archive, or not an archive (ReadError: truncated header)" in message
    assert "gzip" not in message


def test_masks_of_16_bits_are_read(tmp_path: Path) -> None:
    ids = make_id_map().astype(np.uint16)
    ids[ids == 7] = 40000
    [_, second, _] = read(TRAIN, images=write_tar(tmp_path / "a", make_train_part(**{MASK: encode_png(ids)})))
    assert [annotation.mask.sum() for annotation in second.annotations] == [30, 15, 1]
    np.testing.assert_array_equal(get_full_mask(second, 2), ids == 40000)


def test_images_without_apples_are_read(tmp_path: Path) -> None:
    images = read(TRAIN, images=write_tar(tmp_path / "a", make_train_part(**{MASK: encode_png(make_id_map() * 0)})))
    assert [len(image.annotations) for image in images] == [3, 0, 3]


def test_listed_instances_are_ignored(tmp_path: Path) -> None:
    archive, table = write_tar(tmp_path / "a", make_train_part()), tmp_path / "ignore.csv"
    options = {**TRAIN, "ignore": str(table)}
    table.write_text(
        "image,instance_id,ignore\na_b_image1.png,2,1\na_b_image1.png,7,0\nelsewhere.png,1,1\n", encoding="utf-8"
    )
    images = read(options, images=archive)
    assert [annotation.ignore for annotation in images[0].annotations] == [False, True, False]
    assert not any(annotation.ignore for image in images[1:] for annotation in image.annotations)
    for text, message in [
        ("image,instance_id,ignore\na_b_image1.png,3,1\n", "no instance 3"),
        ("image,ignore\na_b_image1.png,1\n", "not a CSV with image, instance_id and ignore"),
        ("image,instance_id,ignore\na_b_image1.png,1,yes\n", "not a CSV with image, instance_id and ignore"),
        ("image,instance_id,ignore\na_b_image1.png,1,2\n", "ignore (0 or 1) in each row ('2')"),
        ("image,instance_id,ignore\nelsewhere.png,1,1\n", "no row names an image"),
    ]:
        table.write_text(text, encoding="utf-8")
        assert message in read_error(options, images=archive)
    table.unlink()
    assert "cannot be read" in read_error(options, images=archive)


def test_real_photographs_are_read(tmp_path: Path) -> None:
    """Every tile and every instance mask of orchard-real, packed in the layout of MinneApple, is read exactly."""
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
    truth = ground_truth.read_ground_truth(out / "instances.json")
    assert truth.nouns == {"apple", "pear"}
    rows = IMAGES.read(out / "images.parquet")
    assert len(rows) == 35
    for row in rows.itertuples():
        assert (out / "images" / row.file).read_bytes() == (real / "images" / row.file).read_bytes()
        ids = np.asarray(Image.open(real / "masks" / row.file))
        rebuilt = np.zeros_like(ids)
        for number, instance in enumerate(truth.instances_of(row.image_id), start=1):
            rebuilt[instance.decode_mask()] = number
            assert instance.area == (ids == number).sum()
        np.testing.assert_array_equal(rebuilt, ids)

    for video in VIDEO_NAMES:
        assert len(read({**TRAIN, "videos": [video]}, images=packed["images"])) == 2
