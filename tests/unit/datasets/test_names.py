"""Spellings of names, suggestions, and lists of names."""

import unicodedata
from pathlib import Path

import pytest

from samgap.datasets.names import clean_path, normalize_spelling, select_listed, suggest_name
from samgap.errors import UserError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.JPG", "a.jpg"),
        ("a.JPEG", "a.jpg"),
        ("A.jpg", "A.jpg"),
        ("my%20tree%2520.png", "my tree .png"),
        ("100%.jpg", "100%.jpg"),
        ("%zz.jpg", "%zz.jpg"),
        ("\udce9%20.jpg", "\udce9%20.jpg"),
        ("e\u0301.jpg", "é.jpg"),
    ],
)
def test_normalized_spelling(name: str, expected: str) -> None:
    assert normalize_spelling(name) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("images/a.jpg", "images/a.jpg"),
        ("what?.jpg", "what?.jpg"),
        ("https://example.org/images/my%20tree.jpg?token=a/b.c", "https://example.org/images/my tree.jpg"),
        ("/data/local-files/?d=images%2Ftrain/a.jpg", "images/train/a.jpg"),
    ],
)
def test_clean_path(path: str, expected: str) -> None:
    assert clean_path(path) == expected


@pytest.mark.parametrize(
    ("name", "candidates", "suggestion"),
    [
        ("IMG_0001.JPG", ["img_0001.jpg", "img_0002.jpg"], " (did you mean img_0001.jpg?)"),
        ("row1_001.jpg", ["row1_0001.jpg"], " (did you mean row1_0001.jpg?)"),
        ("apple-tree.jpg", ["apple_tree.jpg", "pear_tree.jpg"], " (did you mean apple_tree.jpg?)"),
        ("a.jpg", ["a.png"], " (did you mean a.png?)"),
        ("1f2e3d4c-tree.jpg", ["tree.jpg"], " (did you mean tree.jpg?)"),
        ("0002.jpg", ["0003.jpg"], ""),
        ("apple.jpg", ["zebra.jpg"], ""),
        ("apple.jpg", [], ""),
    ],
)
def test_most_similar_name_is_suggested(name: str, candidates: list[str], suggestion: str) -> None:
    assert suggest_name(name, candidates) == suggestion


def select(folder: Path, names: list[str], text: str) -> set[str]:
    (folder / "list.txt").write_text(text, encoding="utf-8")
    return select_listed(names, str(folder / "list.txt"), "labels.json")


def select_error(folder: Path, names: list[str], text: str) -> str:
    with pytest.raises(UserError) as caught:
        select(folder, names, text)
    return str(caught.value)


def test_listed_names_are_selected_by_path_or_file_name(tmp_path: Path) -> None:
    names = ["train/a.jpg", "val/b.jpg", "c.jpg"]
    assert select(tmp_path, names, "# comment\ntrain/a.jpg\n\nb.jpg\n") == {"train/a.jpg", "val/b.jpg"}
    assert select(tmp_path, names, "train\\a.jpg\r\n") == {"train/a.jpg"}
    assert select(tmp_path, names, "\ufeffc.jpg\n") == {"c.jpg"}


def test_listed_name_in_another_unicode_form_is_selected(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "pommier-é.jpg") for form in ("NFC", "NFD"))
    assert select(tmp_path, [decomposed], composed) == {decomposed}
    assert select(tmp_path, [composed], decomposed) == {composed}


def test_listed_name_of_two_images_needs_its_folder(tmp_path: Path) -> None:
    names = ["train/a.jpg", "val/a.jpg"]
    assert "a.jpg may be train/a.jpg or val/a.jpg; write it with its folder" in select_error(tmp_path, names, "a.jpg")
    assert select(tmp_path, [*names, "a.jpg"], "a.jpg") == {"a.jpg"}


def test_listed_name_that_is_not_labelled_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    message = select_error(tmp_path, ["a_tree.jpg", "b.jpg"], "a-tree.jpg")
    assert "lists a-tree.jpg, not labelled in labels.json (did you mean a_tree.jpg?)" in message
