"""Which file of a source a name in an annotation file refers to."""

import unicodedata
from pathlib import PurePosixPath

import pytest

from samgap.datasets.image_paths import AmbiguousNameError, ImageMatch, ImagePaths

TOP = ("orchard",)
ANNOTATION_PATH = PurePosixPath("orchard/annotations/labels.json")


def find(name: str, *paths: str, folder: str | None = None, annotation: str | None = None) -> ImageMatch | None:
    """Return the match of a name among images of the folder `orchard`."""
    image_paths = ImagePaths((PurePosixPath("orchard", path) for path in paths), TOP, folder)
    return image_paths.find(name, PurePosixPath("orchard", annotation) if annotation else ANNOTATION_PATH)


def find_path(name: str, *paths: str, **options: str) -> str | None:
    match = find(name, *paths, **options)
    return match and str(match.path.relative_to("orchard"))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("x.jpg", "x.jpg"),
        ("x.jpg", "images/x.jpg"),
        ("x.jpg", "train/x.jpg"),
        ("train/x.jpg", "train/x.jpg"),
        ("train/x.jpg", "2021/train/x.jpg"),
        ("orchard/train/x.jpg", "train/x.jpg"),
        (r"train\x.jpg", "train/x.jpg"),
        ("./train/x.jpg", "train/x.jpg"),
    ],
)
def test_name_that_is_the_end_of_a_path_is_found(name: str, path: str) -> None:
    assert find(name, path, "y.jpg") == ImageMatch(PurePosixPath("orchard", path))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/home/me/set/x.jpg", "x.jpg"),
        ("/home/me/data/x.jpg", "images/x.jpg"),
        (r"C:\Users\me\Desktop\photos\x.jpg", "images/x.jpg"),
        ("https://example.org/data/upload/3/x.jpg", "images/x.jpg"),
        ("images/x.jpg", "x.jpg"),
        ("images/x.jpg", "JPEGImages/x.jpg"),
        ("train/x.jpg", "x.jpg"),
        ("train/x.jpg", "train/images/x.jpg"),
        ("images/train/x.jpg", "train/images/x.jpg"),
        ("train/images/x.jpg", "train/x.jpg"),
        ("/home/me/data/train/x.jpg", "train/images/x.jpg"),
        ("../../x.jpg", "x.jpg"),
    ],
)
def test_folders_that_do_not_contradict_a_path_are_ignored(name: str, path: str) -> None:
    match = find(name, path)
    assert match is not None
    assert match.path == PurePosixPath("orchard", path)
    assert match.has_other_folders == (not name.startswith(".."))


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("train/x.jpg", ["val/x.jpg"]),
        ("train/x.jpg", ["val/images/x.jpg"]),
        ("train/images/x.jpg", ["images/val/x.jpg"]),
        ("/home/me/data/train/x.jpg", ["val/x.jpg"]),
        (r"C:\data\train\x.jpg", ["val/x.jpg"]),
        ("row1/x.jpg", ["row2/x.jpg"]),
        ("2021/row1/x.jpg", ["2022/row1/x.jpg"]),
        ("/home/me/set/x.jpg", ["row1/x.jpg"]),
        ("images/x.png", ["masks/x.png"]),
        ("images/train/x.png", ["masks/train/x.png"]),
        # The source has the folder, and the image is not in it.
        ("train/x.jpg", ["x.jpg", "train/y.jpg"]),
        ("train/x.jpg", ["images/x.jpg", "train/images/y.jpg"]),
        ("photos/x.jpg", ["images/x.jpg", "photos/y.jpg"]),
        ("train/row1/x.jpg", ["row1/x.jpg", "train/row1/y.jpg"]),
        ("X.jpg", ["x.jpg"]),
        ("x.png", ["x.jpg"]),
    ],
)
def test_other_photographs_are_not_found(name: str, paths: list[str]) -> None:
    assert find(name, *paths) is None


def test_top_folder_is_not_compared_except_for_splits() -> None:
    def find_in(top: str, name: str) -> ImageMatch | None:
        return ImagePaths([PurePosixPath(top, "x.jpg")], (top,)).find(name, PurePosixPath(top, "labels.json"))

    assert find_in("my-orchard", "/home/me/set/x.jpg") is not None
    assert find_in("val", "/home/me/set/x.jpg") is not None
    assert find_in("val2017", "valid/x.jpg") is not None
    for top in ("val", "val2017", "validation", "test_data"):
        assert find_in(top, "train/x.jpg") is None
        assert find_in(top, "/home/me/training/images/x.jpg") is None


def test_exact_path_has_priority() -> None:
    paths = "x.jpg", "thumbs/x.jpg", "train/x.jpg", "train/thumbs/x.jpg"
    assert find_path("x.jpg", *paths) == "x.jpg"
    assert find_path("x.jpg", *paths, annotation="train/labels.json") == "train/x.jpg"
    assert find_path("../x.jpg", *paths, annotation="train/labels.json") == "x.jpg"
    assert find_path("train/x.jpg", *paths) == "train/x.jpg"


def test_path_with_most_folders_of_the_name_has_priority() -> None:
    assert find_path("/home/me/images/x.jpg", "x.jpg", "photos/x.jpg", "images/x.jpg") == "images/x.jpg"
    assert find_path("train/x.jpg", "train/images/x.jpg", "2021/train/x.jpg") == "2021/train/x.jpg"


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("x.jpg", ["train/x.jpg", "val/x.jpg"]),
        ("images/x.jpg", ["train/images/x.jpg", "val/images/x.jpg"]),
        ("/home/me/x.jpg", ["images/x.jpg", "photos/x.jpg"]),
        ("x.jpeg", ["x.jpg", "x.JPG"]),
    ],
)
def test_name_that_fits_several_files_is_ambiguous(name: str, paths: list[str]) -> None:
    with pytest.raises(AmbiguousNameError) as caught:
        find(name, *paths)
    assert [str(path) for path in caught.value.args] == sorted(f"orchard/{path}" for path in paths)


def test_annotation_file_that_is_named_after_a_split() -> None:
    paths = "train2017/x.jpg", "val2017/x.jpg", "test/images/x.jpg"
    for split, path in zip(("train", "val", "test"), paths, strict=True):
        match = find("x.jpg", *paths, annotation=f"annotations/instances_{split}2017.json")
        assert match == ImageMatch(PurePosixPath("orchard", path), is_by_split=True)
    with pytest.raises(AmbiguousNameError):
        find("x.jpg", *paths, annotation="annotations/instances.json")


@pytest.mark.parametrize(
    ("name", "path", "annotation", "is_found"),
    [
        ("x.jpg", "train/x.jpg", "annotations/instances_val.json", False),
        ("images/x.jpg", "train/images/x.jpg", "annotations/instances_val2017.json", False),
        ("x.JPG", "train/x.jpg", "annotations/instances_val.json", False),
        ("/home/me/x.jpg", "images/training/x.jpg", "test/labels.json", False),
        ("x.jpg", "train/x.jpg", "val/annotations/labels.json", False),
        ("x.jpg", "train/images/x.jpg", "train/instances_val.json", False),
        # Nothing contradicts.
        ("x.jpg", "train/x.jpg", "annotations/instances_trainval.json", True),
        ("x.jpg", "train/x.jpg", "annotations/instances_training.json", True),
        ("x.jpg", "images/x.jpg", "annotations/instances_val.json", True),
        ("x.jpg", "trains/x.jpg", "annotations/instances_val.json", True),
        # The name, or the place of the annotation file, states the folder.
        ("train2017/x.jpg", "train2017/x.jpg", "annotations/lvis_v1_val.json", True),
        ("coco/train2017/x.jpg", "images/train2017/x.jpg", "annotations/lvis_v1_val.json", True),
        ("x.jpg", "train/x.jpg", "train/instances_val.json", True),
    ],
)
def test_the_split_of_the_annotation_file_excludes_others(
    name: str, path: str, annotation: str, is_found: bool
) -> None:
    assert find_path(name, path, "y.jpg", annotation=annotation) == (path if is_found else None)


def test_a_stated_folder_may_be_of_another_split_than_the_annotation_file() -> None:
    options = {"annotation": "annotations/instances_val.json"}
    assert find_path("x.jpg", "train/x.jpg", "y.jpg", **options) is None
    assert find_path("x.jpg", "train/x.jpg", "y.jpg", folder="train", **options) == "train/x.jpg"


def test_the_folder_of_the_annotation_file_tells_splits_apart() -> None:
    paths = "train/images/x.jpg", "val/images/x.jpg"
    assert find_path("x.jpg", *paths, annotation="val/annotations/labels.json") == "val/images/x.jpg"


def test_images_are_in_the_stated_folder() -> None:
    paths = "data/images/x.jpg", "thumbs/x.jpg", "data/images/row1/y.jpg", "data/images/row2/y.jpg"
    assert find_path("x.jpg", *paths, folder="data/images") == "data/images/x.jpg"
    assert find_path("/home/me/thumbs-of-2021/x.jpg", *paths, folder="images") == "data/images/x.jpg"
    assert find_path("images/x.jpg", *paths, folder="images") == "data/images/x.jpg"
    assert find_path("row2/y.jpg", *paths, folder="images") == "data/images/row2/y.jpg"
    assert find_path("y.jpg", *paths, folder="images") is None
    assert find_path("thumbs/x.jpg", *paths, folder="images") is None
    assert find_path("row3/y.jpg", *paths, folder="images") is None
    assert find_path("apples/x.jpg", "row1/x.jpg", folder="row1") == "row1/x.jpg"
    assert find_path("train/x.jpg", "val/x.jpg", "train/y.jpg", folder="val") is None


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (unicodedata.normalize("NFC", "pommier-é.jpg"), unicodedata.normalize("NFD", "pommier-é.jpg")),
        (unicodedata.normalize("NFD", "pommier-é.jpg"), unicodedata.normalize("NFC", "pommier-é.jpg")),
        ("a.jpg", "a.JPG"),
        ("a.JPEG", "a.jpg"),
        ("my%20tree.jpg", "my tree.jpg"),
        ("my tree.jpg", "my%20tree.jpg"),
        ("my%2520tree.jpg", "my tree.jpg"),
        ("%C3%A9.jpg", "é.jpg"),
        ("%E9.jpg", "é.jpg"),
        ("train%2Fa.jpg", "train/a.jpg"),
        ("train%5Ca.jpg", "train/a.jpg"),
        ("row%201/a.JPG", "row 1/a.jpg"),
    ],
)
def test_other_spellings_are_found(name: str, path: str) -> None:
    match = find(name, path)
    assert match == ImageMatch(PurePosixPath("orchard", path), has_other_spelling=True)


def test_unicode_form_of_folders_does_not_matter() -> None:
    name, path = (f"{unicodedata.normalize(form, 'verger-é')}/a.jpg" for form in ("NFC", "NFD"))
    assert find_path(name, path, "b/a.jpg") == path
    assert find_path("a.jpg", path, "b/a.jpg", folder=unicodedata.normalize("NFC", "verger-é")) == path


def test_exact_spelling_has_priority() -> None:
    assert find("a.JPG", "a.jpg", "a.JPG") == ImageMatch(PurePosixPath("orchard/a.JPG"))
    assert find("50%20.jpg", "50%20.jpg", "50 .jpg") == ImageMatch(PurePosixPath("orchard/50%20.jpg"))


def test_other_spelling_in_another_folder_is_not_found() -> None:
    assert find("train/a.jpg", "val/a.JPG") is None
