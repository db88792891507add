"""COCO files of different nouns over the same photographs are joined; other files of one photograph are not."""

import json
from pathlib import Path
from typing import Any

import pytest

from samgap.datasets.repetitions import OTHER_NOUN
from tests.helpers.coco import make_jpeg, make_labels, read_coco, read_coco_counts, read_coco_error, write_folder

APPLE, PEAR = {"bbox": [5, 4, 6, 6]}, {"bbox": [20, 4, 6, 6]}
NOUNS = {"apple": "apple", "pear": "pear"}
PHOTOGRAPHS = {"a.jpg": make_jpeg(1), "b.jpg": make_jpeg(2)}


def make_file(category: str, *annotations: dict[str, Any], images: tuple[str, ...] = ("a.jpg", "b.jpg")):
    return {**make_labels(*annotations, images=images), "categories": [{"id": 3, "name": category}]}


def write_files(path: Path, first: dict[str, Any], *others: dict[str, Any]) -> Path:
    source = write_folder(path, first, **PHOTOGRAPHS)
    for number, content in enumerate(others):
        (source / f"more-{number}.json").write_text(json.dumps(content), encoding="utf-8")
    return source


def read(source: Path, nouns: dict[str, str] = NOUNS, **options: Any):
    images, counts = read_coco_counts(source, annotations=["*.json"], nouns=nouns, **options)
    nouns = {image.file_name: [annotation.noun for annotation in image.annotations] for image in images}
    return nouns, {image.file_name: image.incomplete for image in images}, counts


def test_files_of_different_nouns_are_joined(tmp_path: Path, logged_warnings) -> None:
    files = (
        make_file("apple", APPLE, {**APPLE, "image_id": 2}),
        make_file("pear", PEAR),
        make_file("leaf", {"bbox": [1, 20, 3, 3]}),
    )
    nouns, incomplete, counts = read(write_files(tmp_path / "d", *files), {**NOUNS, "leaf": "leaf"})
    assert nouns == {"a.jpg": ["apple", "pear", "leaf"], "b.jpg": ["apple"]}
    assert incomplete == {"a.jpg": (), "b.jpg": ()}  # listed by all files, so "pear" is absent from it
    assert counts["n_annotations_read"] == 4 and not logged_warnings()


def test_a_photograph_that_one_of_the_files_lacks_is_unknown_for_its_nouns(tmp_path: Path, logged_warnings) -> None:
    files = make_file("apple", APPLE, {**APPLE, "image_id": 2}), make_file("pear", PEAR, images=("a.jpg",))
    nouns, incomplete, _ = read(write_files(tmp_path / "d", *files))
    assert nouns == {"a.jpg": ["apple", "pear"], "b.jpg": ["apple"]}
    assert incomplete == {"a.jpg": (), "b.jpg": ("pear",)}
    (warning,) = logged_warnings()
    assert "d/more-0.json, which alone labels pear, lacks images (1): b.jpg; pear is unknown there" in warning


def test_files_of_different_photographs_are_not_marked(tmp_path: Path, logged_warnings) -> None:
    files = make_file("apple", APPLE, images=("a.jpg",)), make_file("pear", PEAR, images=("b.jpg",))
    assert read(write_files(tmp_path / "d", *files))[1] == {"a.jpg": (), "b.jpg": ()} and not logged_warnings()


def test_lost_annotations_count_for_their_own_file(tmp_path: Path) -> None:
    pears = [{"bbox": [20 + n, 4, 6, 6]} for n in range(3)]
    files = (
        make_file("apple", *({"bbox": [n, 4, 6, 6]} for n in range(9))),
        make_file("pear", *pears, {"bbox": [1, 1, -1, 1]}),
    )
    source = write_files(tmp_path / "d", *files)
    message = read_coco_error(source, annotations=["*.json"], nouns=NOUNS, **{"max-left-out": 0.2})
    assert "more-0.json" in message and "1 of 4 annotations" in message
    nouns, incomplete, counts = read(source, **{"max-left-out": 0.25})
    assert nouns["a.jpg"].count("pear") == 3 and incomplete["a.jpg"] == ("pear",)
    assert sum(counts["left_out"].values()) == 1


def test_an_object_of_two_nouns_is_told(tmp_path: Path) -> None:
    _, _, counts = read(write_files(tmp_path / "d", make_file("apple", APPLE), make_file("pear", APPLE)))
    assert counts["read_with_changes"] == {OTHER_NOUN: 1}


@pytest.mark.parametrize(
    "other",
    [
        make_file("apple", PEAR),
        {
            **make_file("pear", PEAR, {**APPLE, "category_id": 4}),
            "categories": [{"id": 3, "name": "pear"}, {"id": 4, "name": "apple"}],
        },
        make_file("pear", PEAR, {**APPLE, "category_id": 9}),
        {**make_file("pear", PEAR), "images": [{"id": 1, "file_name": "a.jpg", "width": 41, "height": 30}]},
    ],
    ids=["same noun", "a common noun", "an unknown category", "another size"],
)
def test_other_files_of_one_photograph_are_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    source = write_files(tmp_path / "d", make_file("apple", APPLE), other)
    message = read_coco_error(source, annotations=["*.json"], nouns=NOUNS)
    assert "a.jpg is twice in d/labels.json and d/more-0.json, with different annotations" in message
    assert "let each file label other nouns, which are then joined" in message


def test_categories_of_one_noun_are_not_joined(tmp_path: Path) -> None:
    source = write_files(tmp_path / "d", make_file("apple", APPLE), make_file("pear", PEAR))
    message = read_coco_error(source, annotations=["*.json"], nouns={"apple": "fruit", "pear": "fruit"})
    assert "a.jpg is twice" in message


def test_a_list_of_files_selects_joined_photographs(tmp_path: Path) -> None:
    source = write_files(tmp_path / "d", make_file("apple", APPLE), make_file("pear", PEAR))
    (tmp_path / "part.txt").write_text("a.jpg\n", encoding="utf-8")
    images = read_coco(source, annotations=["*.json"], nouns=NOUNS, files=str(tmp_path / "part.txt"))
    assert [[annotation.noun for annotation in image.annotations] for image in images] == [["apple", "pear"]]
