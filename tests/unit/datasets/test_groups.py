"""Groups of images by their names; groups that leave nothing to resample, or that group nothing, are told."""

import unicodedata
from pathlib import Path

import pytest

from samgap.datasets import groups
from samgap.datasets.groups import assign_groups, extract_group, warn_of_useless_groups
from samgap.errors import UserError
from tests.helpers.coco import make_jpeg, make_labels, read_coco, write_folder

OPTIONS = {"groups": "^(.+)$"}


@pytest.mark.parametrize(
    ("options", "n_groups", "n_images", "message"),
    [
        (OPTIONS, 5, 5, "d: `groups` (^(.+)$) gives each of the 5 images its own group"),
        (OPTIONS, 1, 5, "d: `groups` (^(.+)$) puts all 5 images into one group"),
        (OPTIONS, 2, 5, None),
        (OPTIONS, 1, 1, None),
        ({}, 5, 5, None),
    ],
)
def test_useless_groups_are_told(logged_warnings, options, n_groups, n_images, message) -> None:
    warn_of_useless_groups("d", options, n_groups, n_images)
    assert [message in warning for warning in logged_warnings()] == ([True] if message else [])


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["a.jpg", "b.jpg"], ["a", "b"]),
        (["a.jpg", "a.jpeg", "a.png", "b.jpg"], ["a.jpg", "a.jpeg", "a.png", "b"]),
        (["a.jpg", "a.jpeg", "a.jpg.png"], ["a.jpg", "a.jpeg", "a.jpg.png"]),
        (["A.jpg", "a-2.JPG"], ["A", "a-2"]),
    ],
)
def test_each_image_has_its_own_group_by_default(names: list[str], groups: list[str]) -> None:
    assert assign_groups(names, {}) == dict(zip(names, groups, strict=True))


def test_images_of_one_name_and_two_suffixes_are_two_groups(tmp_path: Path) -> None:
    names = ("a.jpg", "a.jpeg", "b.jpg")
    images = read_coco(write_folder(tmp_path / "d", make_labels(images=names), **dict.fromkeys(names, make_jpeg())))
    assert {image.file_name: image.group for image in images} == {"a.jpg": "a.jpg", "a.jpeg": "a.jpeg", "b.jpg": "b"}
    images = read_coco(tmp_path / "d", groups="^(.)")
    assert {image.file_name: image.group for image in images} == {"a.jpg": "a", "a.jpeg": "a", "b.jpg": "b"}


def test_group_of_a_name_in_another_unicode_form() -> None:
    pattern, name = (f"^({unicodedata.normalize(form, 'é')}+)_" for form in ("NFC", "NFD"))
    assert extract_group(unicodedata.normalize("NFD", "éé_1.jpg"), pattern) == "éé"
    assert extract_group(unicodedata.normalize("NFC", "éé_1.jpg"), name) == "éé"


@pytest.mark.parametrize(
    ("pattern", "message"), [("(", "not a regular expression"), ("a", "with a group in"), ("(b)", "does not match")]
)
def test_a_pattern_that_gives_no_group_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        extract_group("a.jpg", pattern)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(x|x)*y(z)", "^(.*.*.*.*.*.*.*.*)=$"])
def test_a_pattern_that_would_take_years_is_refused(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MATCH_SECONDS", 0.05)
    name = f"{'a' * 40}_{'x' * 60}.jpg"
    with pytest.raises(UserError, match=r"`groups` .* tries too many ways to match this name"):
        extract_group(name, pattern)
    assert extract_group(name, "^(a+)_x") == "a" * 40  # no limit remains
