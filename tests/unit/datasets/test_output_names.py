"""Names of images in a data set: made of the stated folders, unique, and storable."""

import os
import unicodedata
from pathlib import PurePosixPath

import pytest

from samgap.datasets.output_names import MAX_NAME_BYTES, make_output_names


def make_names(names: dict[str, str]) -> list[str]:
    """Return the output names of the images of the folder `orchard`: path in it -> stated name."""
    paths = {PurePosixPath("orchard", path): name for path, name in names.items()}
    return list(make_output_names(paths, 1).values())


def test_folders_of_the_stated_name_are_joined() -> None:
    names = {"a.jpg": "a.jpg", "row1/b.jpg": "row1/b.jpg", "images/c.jpg": r"C:\photos\c.jpg"}
    assert make_names(names) == ["a.jpg", "row1_b.jpg", "photos_c.jpg"]


def test_equal_names_of_two_splits_are_named_after_their_folders(logged_warnings) -> None:
    names = {"train/1.jpg": "1.jpg", "val/1.jpg": "1.jpg", "val/2.jpg": "2.jpg"}
    assert make_names(names) == ["train_1.jpg", "val_1.jpg", "2.jpg"]
    assert logged_warnings() == []


@pytest.mark.parametrize("order", [1, -1])
def test_names_that_are_equal_when_joined_get_a_number(logged_warnings, order: int) -> None:
    names = dict([("a/b_c.jpg", "a/b_c.jpg"), ("a_b/c.jpg", "a_b/c.jpg"), ("a_b_c-2.jpg", "a_b_c-2.jpg")][::order])
    result = dict(zip(names, make_names(names), strict=True))
    assert result == {"a/b_c.jpg": "a_b_c.jpg", "a_b/c.jpg": "a_b_c-3.jpg", "a_b_c-2.jpg": "a_b_c-2.jpg"}
    [warning] = logged_warnings()
    assert "images that get a number, because their names are equal (1): orchard/a_b/c.jpg as a_b_c-3.jpg" in warning


def test_names_that_differ_only_in_case_or_unicode_form_get_a_number() -> None:
    assert make_names({"A.jpg": "A.jpg", "a.JPG": "a.JPG"}) == ["A.jpg", "a-2.JPG"]
    forms = [unicodedata.normalize(form, "é.jpg") for form in ("NFD", "NFC")]
    assert make_names({form: form for form in forms}) == [forms[1], "é-2.jpg"]


def test_names_that_are_not_unicode_or_too_long_can_be_stored() -> None:
    invalid = os.fsdecode(b"pommier-\xe9.jpg")
    assert make_names({invalid: invalid}) == ["pommier-?.jpg"]
    long_name = "/".join(["a-folder-with-a-name"] * 20) + "/x.jpg"
    [name] = make_names({"x.jpg": long_name})
    assert name.endswith("_a-folder-with-a-name_x.jpg")
    assert len(name.encode()) <= MAX_NAME_BYTES
