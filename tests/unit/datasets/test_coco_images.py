"""COCO files and images are found in a source, each photograph is the right one, and deviations are logged."""

import io
import json
import tarfile
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from samgap.datasets.write import write_dataset
from tests.helpers.cases import find_case
from tests.helpers.coco import make_jpeg, make_labels, read_coco, read_coco_error, write_folder


def write_source(folder: Path, labels: dict[str, dict[str, Any]], images: dict[str, int | bytes]) -> Path:
    """Write COCO files by their paths, and images by theirs: their bytes, or the seed of random pixels."""
    for name, content in {**labels, **images}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            (folder / name).write_text(json.dumps(content), encoding="utf-8")
        else:
            (folder / name).write_bytes(make_jpeg(content) if isinstance(content, int) else content)
    return folder


def read_names(source: Path, **options: Any) -> dict[str, str]:
    """Return the path in the source of each image of a data set, by its name in the data set."""
    paths = {path.read_bytes(): path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    return {image.file_name: paths[image.encoded_bytes] for image in read_coco(source, **options)}


def label(*names: str) -> dict[str, dict[str, Any]]:
    return {"labels.json": make_labels(images=names)}


def test_photograph_of_another_folder_is_not_read(tmp_path: Path) -> None:
    source = write_source(tmp_path / "d", label("train/x.jpg", "train/y.jpg"), {"val/x.jpg": 1, "train/y.jpg": 2})
    message = read_coco_error(source)
    assert "no image train/x.jpg, which is labelled (d/val/x.jpg is in another folder); add it" in message
    assert "no image train/x.jpg, train/y.jpg in val" in read_coco_error(source, images="val")


def test_hint_names_the_folder_if_that_is_a_remedy(tmp_path: Path, logged_warnings) -> None:
    source = write_source(tmp_path / "d", label("/home/me/set/x.jpg"), {"row1/x.jpg": 1, "row2/y.jpg": 2})
    message = read_coco_error(source)
    assert "(d/row1/x.jpg is in another folder; if that is right, set `images: row1`)" in message
    assert read_names(source, images="row1") == {"home_me_set_x.jpg": "row1/x.jpg"}
    assert "found without some folders of their names (1): /home/me/set/x.jpg as d/row1/x.jpg" in logged_warnings()[0]


def test_images_found_without_their_folders_are_counted_in_one_warning(tmp_path: Path, logged_warnings) -> None:
    names = [f"/home/me/data/{number}.jpg" for number in range(5)]
    source = write_source(tmp_path / "d", label(*names), {f"images/{number}.jpg": number for number in range(5)})
    assert len(read_coco(source)) == 5
    [warning] = [text for text in logged_warnings() if "images found" in text]
    assert "images found without some folders of their names (5): /home/me/data/0.jpg as d/images/0.jpg" in warning
    assert warning.endswith("and 2 more")


def test_images_found_by_another_spelling_are_counted_in_one_warning(tmp_path: Path, logged_warnings) -> None:
    decomposed = unicodedata.normalize("NFD", "pommier-é.jpg")
    names = ("pommier-é.jpg", "b.jpg", "my%20tree.jpg", "d.jpg")
    source = write_source(
        tmp_path / "d", label(*names), {decomposed: 1, "b.JPG": 2, "my tree.jpg": 3, "d.jpg": 4, ".b.jpg": 5}
    )
    expected = {"pommier-é.jpg": decomposed, "b.JPG": "b.JPG", "my tree.jpg": "my tree.jpg", "d.jpg": "d.jpg"}
    assert read_names(source) == expected
    [warning] = [text for text in logged_warnings() if "images found" in text]
    assert f"images found by another spelling of their names (3): pommier-é.jpg as d/{decomposed}" in warning
    assert "b.jpg as d/b.JPG, my%20tree.jpg as d/my tree.jpg" in warning


@pytest.mark.parametrize(
    ("name", "images", "message"),
    [
        ("IMG_1.jpg", {"img_1.jpg": 1}, "no image IMG_1.jpg, which is labelled (did you mean img_1.jpg?); add it"),
        ("a.jpg", {"a.png": 1}, "(did you mean a.png?)"),
        ("a.heic", {"images/a.HEIC": b""}, "(d/images/a.HEIC is not read; save it as PNG or JPEG)"),
        ("a.webp", {"a.webp": b""}, "(d/a.webp is not read; save it as PNG or JPEG)"),
        ("a.jpg", {"a.heic": b""}, "(did you mean a.heic?)"),
        ("2.jpg", {"3.jpg": 1}, "no image 2.jpg, which is labelled; add it"),
        ("a.jpg", {"thumbs/a.jpg": 1, "row1/a.jpg": 2}, "a.jpg may be d/row1/a.jpg or d/thumbs/a.jpg; name its folder"),
    ],
)
def test_missing_image_is_refused_with_a_hint(
    tmp_path: Path, name: str, images: dict[str, int | bytes], message: str
) -> None:
    assert message in read_coco_error(write_source(tmp_path / "d", label(name), images))


def test_two_splits_with_equal_names_in_one_coco_file(tmp_path: Path) -> None:
    names = "train/0001.jpg", "val/0001.jpg"
    source = write_source(tmp_path / "d", label(*names), {"images/train/0001.jpg": 1, "images/val/0001.jpg": 2})
    expected = {"train_0001.jpg": "images/train/0001.jpg", "val_0001.jpg": "images/val/0001.jpg"}
    assert read_names(source) == expected


@pytest.mark.parametrize(
    "coco_paths",
    [
        {"train": "train/_annotations.coco.json", "val": "val/_annotations.coco.json"},
        {"train": "annotations/instances_train.json", "val": "annotations/instances_val.json"},
    ],
    ids=["next to the images", "in one folder"],
)
def test_two_splits_with_equal_names_in_two_coco_files(tmp_path: Path, coco_paths: dict[str, str]) -> None:
    labels = {
        coco_path: make_labels({"bbox": [1, 1, width, 2]}, images=("0001.jpg",))
        for width, coco_path in enumerate(coco_paths.values(), start=5)
    }
    source = write_source(tmp_path / "d", labels, {"train/0001.jpg": 1, "val/0001.jpg": 2})
    options = {"annotations": ["*.json"]}
    expected = {"train_0001.jpg": "train/0001.jpg", "val_0001.jpg": "val/0001.jpg"}
    assert read_names(source, **options) == expected
    widths = {image.file_name: image.annotations[0].box[2] - 1 for image in read_coco(source, **options)}
    assert widths == {"train_0001.jpg": 5, "val_0001.jpg": 6}


def test_photograph_of_another_split_than_its_coco_file_is_not_read(tmp_path: Path, logged_warnings) -> None:
    """The labels of the split `val` are for its own 0001.jpg, which is missing."""
    source = write_source(tmp_path / "d", {"annotations/instances_val.json": make_labels(images=("0001.jpg",))}, {})
    (source / "train").mkdir()
    (source / "train" / "0001.jpg").write_bytes(make_jpeg())
    options = {"annotations": ["instances_val.json"]}
    message = read_coco_error(source, **options)
    assert "no image 0001.jpg, which is labelled (d/train/0001.jpg is in another folder" in message
    assert "if that is right, set `images: train`" in message
    assert read_names(source, **options, images="train") == {"0001.jpg": "train/0001.jpg"}
    assert logged_warnings()[0].endswith("no image has an annotation that counts in the evaluation")


@pytest.mark.parametrize(
    ("coco_path", "paths", "text"),
    [
        ("labels.json", ["photos/a.jpg", "photos/b.jpg", "thumbs/c.jpg"], "2 in d/photos, 1 in d/thumbs"),
        ("site-a/labels.json", ["site-a/a.jpg", "site-a/b.jpg", "site-b/c.jpg"], "2 in d/site-a, 1 in d/site-b"),
        ("labels.json", ["photos/a.jpg", "photos/b.jpg", "photos/c.jpg"], None),
    ],
)
def test_names_without_folders_in_several_folders_are_told(
    tmp_path: Path, logged_warnings, coco_path: str, paths: list[str], text: str | None
) -> None:
    labels = make_labels({"bbox": [1, 1, 2, 2]}, images=("a.jpg", "b.jpg", "c.jpg"))
    source = write_source(tmp_path / "d", {coco_path: labels}, {path: seed for seed, path in enumerate(paths)})
    assert sorted(read_names(source)) == ["a.jpg", "b.jpg", "c.jpg"]
    warnings = [warning for warning in logged_warnings() if "without a folder are in several folders" in warning]
    assert len(warnings) == bool(text) and all(f"d/{coco_path} names" in warning for warning in warnings)
    assert all(str(text) in warning for warning in warnings)


def test_archive_with_two_coco_files_of_one_path_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "d.tar"
    with tarfile.open(source, "w") as archive:
        for n_boxes in (1, 3):
            content = json.dumps(make_labels(*({"bbox": [n, 1, 2, 2]} for n in range(n_boxes)))).encode()
            entry = tarfile.TarInfo("d/labels.json")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    assert "there are two files d/labels.json; pack the archive again with one of them" in read_coco_error(source)


def test_photograph_that_is_labelled_by_two_names_is_refused(tmp_path: Path) -> None:
    source = write_source(tmp_path / "d", label("a.jpg", "images/a.JPG"), {"a.jpg": 1})
    assert "d/a.jpg is labelled twice, as a.jpg and as images/a.JPG; remove one of them" in read_coco_error(source)


def test_names_that_are_equal_when_joined_are_written(tmp_path: Path, logged_warnings) -> None:
    names = "a_b/c.jpg", "a/b_c.jpg", "A/b_c.jpg"
    source = write_source(tmp_path / "d", label(*names), {name: number for number, name in enumerate(names)})
    images = read_coco(source)
    out = tmp_path / "out"
    counts = write_dataset(
        images,
        {"nouns": ["apple"], "attributes": {}},
        *(out / "images", out / "instances.json", out / "images.parquet"),
        dataset="d",
    )
    assert counts["n_images"] == 3
    assert sorted(path.name for path in (out / "images").iterdir()) == ["A_b_c.jpg", "a_b_c-2.jpg", "a_b_c-3.jpg"]
    assert "images that get a number, because their names are equal (2)" in logged_warnings()[0]


def test_files_of_operating_systems_are_not_images(tmp_path: Path) -> None:
    hidden = "@eaDir/a.jpg", ".ipynb_checkpoints/a.jpg", "images/.thumbnails/a.jpg", "$RECYCLE.BIN/a.jpg", "._a.jpg"
    source = write_source(tmp_path / "d", label("a.jpg"), {"images/a.jpg": 1, **dict.fromkeys(hidden, b"small")})
    (source / "lost+found").mkdir()
    (source / "lost+found" / "labels.json").write_text("{}", encoding="utf-8")
    assert read_names(source) == {"a.jpg": "images/a.jpg"}


def test_coco_file_in_another_unicode_form_is_found(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "étiquettes.json") for form in ("NFC", "NFD"))
    source = write_source(tmp_path / "d", {decomposed: make_labels(images=("a.jpg",))}, {"a.jpg": 1})
    assert len(read_coco(source, annotations=[composed])) == 1


def test_label_studio_paths_are_found(tmp_path: Path) -> None:
    names = r"..\..\data\local-files\?d=row 1%5Ca.jpg", "/data/local-files/?d=row%201/b.jpg"
    source = write_source(tmp_path / "d", label(*names), {"row 1/a.jpg": 1, "row 1/b.jpg": 2, "row 2/a.jpg": 3})
    assert read_names(source) == {"row 1_a.jpg": "row 1/a.jpg", "row 1_b.jpg": "row 1/b.jpg"}


def test_case_name_nfc_nfd(logged_warnings) -> None:
    [image] = read_coco(find_case("name-nfc-nfd"), annotations=["instances.json"])
    assert image.file_name == unicodedata.normalize("NFC", "pommier-é_1.jpg")
    with Image.open(io.BytesIO(image.encoded_bytes)) as photo:
        assert photo.size == (image.width, image.height)
    assert len(image.annotations) > 0
    assert "images found by another spelling of their names (1)" in logged_warnings()[0]


def test_archive_without_labelled_images(tmp_path: Path) -> None:
    assert "no image a.jpg" in read_coco_error(write_folder(tmp_path / "d", make_labels(), **{"b.txt": b""}))
