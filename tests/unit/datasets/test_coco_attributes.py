"""Attributes of COCO annotations: in `attributes`, at the top level, of the category, and in conflict."""

from pathlib import Path
from typing import Any

import pytest

from samgap.annotations.ground_truth import read_ground_truth
from samgap.annotations.phrases import find_truth_ids
from samgap.datasets import coco, write
from samgap.datasets.coco_attributes import Category, parse_categories, read_attributes
from tests.helpers.coco import OPTIONS, make_labels, read_coco, read_coco_counts, write_folder

APPLE = Category("apple")
VALUES = {"attribute-values": {"ripeness": ["ripe", "unripe"]}}


@pytest.mark.parametrize(
    ("annotation", "values", "problem"),
    [
        ({"attributes": {"ripeness": "ripe"}}, {"ripeness": "ripe"}, None),
        ({"ripeness": "ripe"}, {"ripeness": "ripe"}, None),
        ({"ripeness": "ripe", "attributes": {"ripeness": "ripe"}}, {"ripeness": "ripe"}, None),
        ({"ripeness": "ripe", "attributes": {}}, {"ripeness": "ripe"}, None),
        ({"ripeness": None, "attributes": {"ripeness": "ripe"}}, {"ripeness": "ripe"}, None),
        (
            {"ripeness": "ripe", "attributes": {"ripeness": "unripe"}},
            {},
            "have two values of ripeness and are read without it",
        ),
        ({"ripeness": "Ripe"}, {}, "with the value Ripe of ripeness (did you mean ripe?) are read without it"),
        ({"ripeness": "rotten"}, {}, "without a declared value of ripeness are read without it"),
        ({"ripeness": ["ripe"]}, {}, "without a declared value of ripeness are read without it"),
        ({"attributes": ["ripe"]}, {}, "without a declared value of ripeness are read without it"),
        ({}, {}, "without a declared value of ripeness are read without it"),
    ],
)
def test_a_declared_attribute_is_read_from_both_places(annotation: dict, values: dict, problem: str | None) -> None:
    read = read_attributes(annotation, APPLE, VALUES)
    assert read.values == values
    assert read.unknown == ([] if values else ["ripeness"]) and read.problems == ([problem] if problem else [])


@pytest.mark.parametrize(
    ("annotation", "value"), [({}, "ripe"), ({"ripeness": "ripe"}, "ripe"), ({"ripeness": "unripe"}, None)]
)
def test_a_value_of_the_category_may_not_be_contradicted(annotation: dict, value: str | None) -> None:
    read = read_attributes(annotation, Category("apple", {"ripeness": "ripe"}), VALUES)
    assert read.values.get("ripeness") == value and read.unknown == ([] if value else ["ripeness"])


@pytest.mark.parametrize(
    ("annotation", "n_problems"), [({}, 0), ({"ripeness": "ripe"}, 0), ({"ripeness": "unripe"}, 1)]
)
def test_a_value_of_all_instances_is_used_and_contradictions_are_told(annotation: dict, n_problems: int) -> None:
    read = read_attributes(annotation, APPLE, {**VALUES, "attributes": {"ripeness": "ripe"}})
    assert read.values == {"ripeness": "ripe"} and read.unknown == []
    assert read.problems == ["have another value of ripeness than the options, which is used"] * n_problems


def test_numbers_and_booleans_are_texts() -> None:
    options = {"attribute-values": {"hidden": ["true", "false"], "stage": ["81"], "area": ["x"]}}
    read = read_attributes({"hidden": True, "stage": 81, "area": "x"}, APPLE, options)
    # `area` is a key of COCO.
    assert read.values == {"hidden": "true", "stage": "81"} and read.unknown == ["area"]


def test_unknown_attributes_are_those_of_the_annotation(tmp_path: Path, logged_warnings) -> None:
    rows: list[dict[str, Any]] = [{"bbox": [1, 1, 2, 2], "ripeness": "ripe"}, {"bbox": [9, 9, 2, 2]}]
    rows.append({"bbox": [1, 9, 2, 2], "ripeness": "ripe", "attributes": {"ripeness": "unripe"}})
    source = write_folder(tmp_path / "d", make_labels(*rows))
    [image], counts = read_coco_counts(source, **VALUES)
    assert [annotation.unknown_attributes for annotation in image.annotations] == [(), ("ripeness",), ("ripeness",)]
    assert counts["read_with_changes"] == {
        "have two values of ripeness and are read without it": 1,
        "without a declared value of ripeness are read without it": 1,
    }
    assert image.incomplete == () and counts["left_out"] == {}
    assert "1 have two values of ripeness and are read without it (id 3)" in logged_warnings()[0]
    assert read_coco(source)[0].annotations[1].unknown_attributes == ()


COLOURS = {
    "apple": "apple",
    "red_apple": {"noun": "apple", "attributes": {"colour": "red"}},
    "ripe_apple": {"noun": "apple", "attributes": {"colour": "red", "ripeness": "ripe"}},
}


def test_categories_have_nouns_attributes_and_attributes_of_other_categories() -> None:
    assert parse_categories(COLOURS) == {
        "apple": Category("apple", {}, ("colour", "ripeness")),
        "red_apple": Category("apple", {"colour": "red"}, ("ripeness",)),
        "ripe_apple": Category("apple", {"colour": "red", "ripeness": "ripe"}, ()),
    }


@pytest.mark.parametrize(
    ("annotation", "options", "values", "unknown"),
    [
        ({}, {}, {}, ["colour", "ripeness"]),
        ({"colour": "green"}, {}, {}, ["colour", "ripeness"]),  # not declared
        ({"colour": "green"}, {"attribute-values": {"colour": ["green"]}}, {"colour": "green"}, ["ripeness"]),
        ({}, {"attributes": {"ripeness": "ripe"}}, {"ripeness": "ripe"}, ["colour"]),
    ],
)
def test_an_attribute_that_other_categories_imply_is_unknown(
    annotation: dict, options: dict, values: dict, unknown: list[str]
) -> None:
    read = read_attributes(annotation, parse_categories(COLOURS)["apple"], options)
    assert (read.values, read.unknown) == (values, unknown)
    assert read.problems == [f"of a category without a value of {name} are read without it" for name in unknown]


def test_a_phrase_is_not_evaluable_in_an_image_with_an_instance_of_another_category(tmp_path: Path) -> None:
    labels = make_labels({"bbox": [1, 1, 2, 2], "category_id": 4}, {"bbox": [9, 9, 2, 2], "image_id": 2})
    labels["images"].append({"id": 2, "file_name": "b.jpg"})
    labels["categories"].append({"id": 4, "name": "red_apple"})
    options = {**OPTIONS, "nouns": {name: COLOURS[name] for name in ("apple", "red_apple")}}
    source = write_folder(tmp_path / "d", labels)
    truth_path = tmp_path / "instances.json"
    info = coco.describe_labels(options)
    images = coco.iter_images(options, {"data": source}, 0)
    write.write_dataset(images, info, tmp_path / "images", truth_path, tmp_path / "images.parquet", dataset="d")
    truth = read_ground_truth(truth_path)
    assert find_truth_ids({"phrase": "apple", "noun": "apple"}, 2, truth) == [2]
    red_apple = {"phrase": "red apple", "noun": "apple", "attributes": {"colour": "red"}}
    assert find_truth_ids(red_apple, 1, truth) == [1]
    assert find_truth_ids(red_apple, 2, truth) is None
